/* models.h - where tests find real model files. A file that is missing fails the test, it does not skip it. */
#ifndef TESTS_MODELS_H
#define TESTS_MODELS_H

#define MODEL_SMOLLM2 "SmolLM2-135M-Instruct.Q4_1.gguf"
#define MODEL_QWEN    "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"

/* Path of a file in the cache's models folder (DOBBY_CACHE, else the default place); static, until the next call. */
const char *model_path(const char *file);

#endif
