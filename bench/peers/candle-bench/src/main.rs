//! candle-bench MODEL.gguf THREADS [PROMPT [WRITE]] - how fast Candle reads a prompt and writes (bench).
//! Prints `prompt,TOKENS,tokens a second` and `write,TOKENS,tokens a second`. What is measured is what dobby-bench model
//! measures: PROMPT (512) tokens read in one go, up to the first token written; then, in a sequence of its own after 16
//! tokens, WRITE (32) more tokens, greedily. Everything is done once before, unmeasured: a first use repacks weights.
//! The ids that were written go to standard error.

use candle_core::quantized::gguf_file::Content;
use candle_core::{Device, Error, IndexOp, Result, Tensor};
use candle_transformers::models::{quantized_llama, quantized_qwen2};
use std::{env, fs::File, io::BufReader, process, time::Instant};

enum Model {
    Llama(quantized_llama::ModelWeights),
    Qwen2(quantized_qwen2::ModelWeights),
}

impl Model {
    fn open(path: &str) -> Result<Self> {
        let mut file = BufReader::new(File::open(path)?);
        let content = Content::read(&mut file)?;
        let arch = match content.metadata.get("general.architecture") {
            Some(v) => v.to_string()?.clone(),
            None => return Err(Error::Msg("the file names no architecture".into())),
        };
        match arch.as_str() {
            "llama" => quantized_llama::ModelWeights::from_gguf(content, &mut file, &Device::Cpu).map(Self::Llama),
            "qwen2" => quantized_qwen2::ModelWeights::from_gguf(content, &mut file, &Device::Cpu).map(Self::Qwen2),
            _ => Err(Error::Msg(format!("architecture {arch}: llama and qwen2 are what this program knows"))),
        }
    }

    /// Read `ids` at position `pos` of the sequence; the likeliest next id.
    fn next(&mut self, ids: &[u32], pos: usize) -> Result<u32> {
        let x = Tensor::new(ids, &Device::Cpu)?.unsqueeze(0)?;
        let logits = match self {
            Self::Llama(m) => m.forward(&x, pos)?,
            Self::Qwen2(m) => m.forward(&x, pos)?,
        };
        logits.i(0)?.argmax(0)?.to_scalar()
    }

    /// Forget the sequence.
    fn clear(&mut self) {
        match self {
            Self::Llama(m) => m.clear_kv_cache(),
            Self::Qwen2(m) => m.clear_kv_cache(),
        }
    }
}

/// Ordinary ids, the same ones that dobby-bench model takes.
fn prompt(len: usize, run: usize) -> Vec<u32> {
    (0..len).map(|i| 1000 + ((i * 7919 + run * 104729) % 20000) as u32).collect()
}

fn run(model: &mut Model, n_prompt: usize, n_write: usize, run: usize) -> Result<(f64, f64, Vec<u32>)> {
    let mut ids = prompt(n_prompt, 2 * run);
    let start = Instant::now();
    model.next(&ids, 0)?;
    let read = n_prompt as f64 / start.elapsed().as_secs_f64();
    model.clear();

    ids = prompt(16, 2 * run + 1);
    let mut pos = ids.len();
    let mut written = vec![model.next(&ids, 0)?];
    let start = Instant::now();
    for _ in 0..n_write {
        let id = model.next(&written[written.len() - 1..], pos)?;
        written.push(id);
        pos += 1;
    }
    let write = n_write as f64 / start.elapsed().as_secs_f64();
    model.clear();
    Ok((read, write, written))
}

fn bench(path: &str, n_prompt: usize, n_write: usize) -> Result<()> {
    let mut model = Model::open(path)?;
    run(&mut model, n_prompt, n_write, 0)?;
    let (read, write, written) = run(&mut model, n_prompt, n_write, 1)?;
    println!("prompt,{n_prompt},{read:.2}");
    println!("write,{n_write},{write:.2}");
    eprintln!("candle-bench: wrote {written:?}");
    Ok(())
}

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let number = |i: usize, default: usize| match args.get(i) {
        Some(s) => s.parse().ok().filter(|n| *n > 0),
        None => Some(default),
    };
    let (Some(threads), Some(n_prompt), Some(n_write), 2..=4) = (number(1, 1), number(2, 512), number(3, 32), args.len()) else {
        eprintln!("usage: candle-bench MODEL.gguf THREADS [PROMPT [WRITE]]");
        process::exit(64);
    };
    // Candle and rayon look at these when they are first used.
    env::set_var("RAYON_NUM_THREADS", threads.to_string());
    env::remove_var("CANDLE_NUM_THREADS");
    if let Err(e) = bench(&args[0], n_prompt, n_write) {
        eprintln!("candle-bench: {}: {e}", args[0]);
        process::exit(1);
    }
}
