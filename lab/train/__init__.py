"""Fine-tuning: sessions -> token sequences and loss masks -> batches -> adapter -> merged model."""
