"""What students write themselves and later stages use again."""

STAGES = {
    "build_vocab": "01_tokenization",
    "tokenize": "01_tokenization",
    "binary_accuracy": "02_recurrent_networks",
    "scaled_dot_product": "03_scaled_dot_product_attention",
    "MultiHeadAttention": "04_multi_head_attention",
    "TransformerBlock": "05_transformer_block",
    "PositionalEncoding": "05_transformer_block",
    "BertModel": "06_bert_pretraining",
}
"""The stage in which each name is written."""
