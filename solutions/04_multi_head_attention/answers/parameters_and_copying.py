"""4.1 and 4.2 Wrong answers to MultiHeadAttention: its parameters, its output layer, and copying."""

from autograder.answers import edited

COUNT = "test_number_of_parameters_is_right"
XAVIER = "test_weights_start_xavier_uniform"
ZERO = "test_biases_start_at_zero"
DIVIDE = "test_heads_that_do_not_divide_are_refused"
OUTPUT = "test_result_goes_through_the_output_layer"
VALUES = "test_values_and_output_weights_are_copied"
QUERIES = "test_queries_and_keys_are_copied"
BIASES = "test_copied_biases_count_too"
COPY = "test_copy_is_a_copy"

DRAW_QKV = "nn.init.xavier_uniform_(self.qkv_proj.weight)"
DRAW_OUTPUT = "nn.init.xavier_uniform_(self.o_proj.weight)"
REFUSE = 'raise ValueError(f"{n_heads} heads cannot share embed_dim {embed_dim} evenly.")'
PASS_ON = "return self.o_proj(values)"
COPY_QKV = "mine.copy_(rows.unflatten(0, (3, self.n_heads, -1)).transpose(0, 1).flatten(0, 2))"
COPY_OUTPUT = "self.o_proj.weight.copy_(theirs.out_proj.weight)"

edited(
    "MultiHeadAttention",
    "without_biases",
    "The layers have no biases, so parameters are missing. The exercise asks for biases that start at zero.",
    [
        ("nn.Linear(embed_dim, 3 * embed_dim)", "nn.Linear(embed_dim, 3 * embed_dim, bias=False)"),
        ("nn.Linear(embed_dim, embed_dim)", "nn.Linear(embed_dim, embed_dim, bias=False)"),
        ("        nn.init.zeros_(self.qkv_proj.bias)\n", ""),
        ("        nn.init.zeros_(self.o_proj.bias)\n", ""),
        ("                (self.qkv_proj.bias, theirs.in_proj_bias),\n", ""),
        ("            self.o_proj.bias.copy_(theirs.out_proj.bias)", "            pass"),
    ],
    caught_by=COUNT,
)
edited(
    "MultiHeadAttention",
    "fused_layer_without_biases",
    "The layer for queries, keys and values has no biases. The exercise asks for biases that start at zero.",
    [
        ("nn.Linear(embed_dim, 3 * embed_dim)", "nn.Linear(embed_dim, 3 * embed_dim, bias=False)"),
        ("        nn.init.zeros_(self.qkv_proj.bias)\n", ""),
        ("                (self.qkv_proj.bias, theirs.in_proj_bias),\n", ""),
    ],
    caught_by=COUNT,
)
edited(
    "MultiHeadAttention",
    "parameters_for_one_head",
    "All heads share the queries, keys and values of one head, so there are too few parameters. How many rows must the "
    "fused layer have?",
    [
        ("nn.Linear(embed_dim, 3 * embed_dim)", "nn.Linear(embed_dim, 3 * embed_dim // n_heads)"),
        ("self.n_heads, 3, -1)", "1, 3, -1).expand(-1, -1, self.n_heads, -1, -1)"),
    ],
    caught_by=COUNT,
)
edited(
    "MultiHeadAttention",
    "every_head_full_width",
    "Every head is as wide as the whole embedding, so there are too many parameters. What is shared among the heads?",
    [
        ("nn.Linear(embed_dim, 3 * embed_dim)", "nn.Linear(embed_dim, 3 * n_heads * embed_dim)"),
        ("nn.Linear(embed_dim, embed_dim)", "nn.Linear(n_heads * embed_dim, embed_dim)"),
        (".reshape(batch, seq_len, embed_dim)", ".flatten(2)"),
    ],
    caught_by=COUNT,
)
edited(
    "MultiHeadAttention",
    "torchs_own_start",
    "The weights start as torch draws them for any linear layer. Which bounds has Xavier's uniform distribution?",
    [(DRAW_QKV, "pass"), (DRAW_OUTPUT, "pass")],
    caught_by=XAVIER,
)
edited(
    "MultiHeadAttention",
    "output_layer_starts_otherwise",
    "The output layer starts as torch draws any linear layer. It is to be drawn like the other one.",
    [(DRAW_OUTPUT, "pass")],
    caught_by=XAVIER,
)
edited(
    "MultiHeadAttention",
    "fused_layer_starts_otherwise",
    "The layer for queries, keys and values starts as torch draws any other. It is to be drawn like the output layer.",
    [(DRAW_QKV, "pass")],
    caught_by=XAVIER,
)
edited(
    "MultiHeadAttention",
    "xavier_normal",
    "The weights are drawn from a normal distribution, and some are larger than the bound of the uniform one.",
    [
        (DRAW_QKV, "nn.init.xavier_normal_(self.qkv_proj.weight)"),
        (DRAW_OUTPUT, "nn.init.xavier_normal_(self.o_proj.weight)"),
    ],
    caught_by=XAVIER,
)
edited(
    "MultiHeadAttention",
    "kaiming_uniform",
    "The weights have He's bounds, which count the inputs only. Xavier's count inputs and outputs.",
    [
        (DRAW_QKV, "nn.init.kaiming_uniform_(self.qkv_proj.weight)"),
        (DRAW_OUTPUT, "nn.init.kaiming_uniform_(self.o_proj.weight)"),
    ],
    caught_by=XAVIER,
)
edited(
    "MultiHeadAttention",
    "biases_as_torch_draws_them",
    "The biases start at random, as torch draws them. They were to start at zero.",
    [("        nn.init.zeros_(self.qkv_proj.bias)\n", ""), ("        nn.init.zeros_(self.o_proj.bias)\n", "")],
    caught_by=ZERO,
)
edited(
    "MultiHeadAttention",
    "output_bias_as_torch_draws_it",
    "The bias of the output layer starts at random, as torch draws it. It was to start at zero like the others.",
    [("        nn.init.zeros_(self.o_proj.bias)\n", "")],
    caught_by=ZERO,
)
edited(
    "MultiHeadAttention",
    "biases_of_one",
    "The biases start at one. Where should they start?",
    [
        ("zeros_(self.qkv_proj.bias)", "ones_(self.qkv_proj.bias)"),
        ("zeros_(self.o_proj.bias)", "ones_(self.o_proj.bias)"),
    ],
    caught_by=ZERO,
)
edited(
    "MultiHeadAttention",
    "takes_any_number_of_heads",
    "Heads that do not divide the embedding are taken without a word, and something breaks much later.",
    [(REFUSE, "pass")],
    caught_by=DIVIDE,
)
edited(
    "MultiHeadAttention",
    "asserts_that_heads_divide",
    "Heads that do not divide the embedding raise another type of error than the one that the exercise asks for.",
    [(REFUSE, 'raise AssertionError(f"{n_heads} heads cannot share embed_dim {embed_dim} evenly.")')],
    caught_by=DIVIDE,
)
edited(
    "MultiHeadAttention",
    "refuses_without_a_reason",
    "The right error is raised, but it names neither number. Whoever reads it should see at once what does not fit.",
    [(REFUSE, 'raise ValueError("The heads do not fit.")')],
    caught_by=DIVIDE,
)
edited(
    "MultiHeadAttention",
    "output_layer_not_used",
    "The result does not go through the output layer: it has weights, but nobody uses them.",
    [(PASS_ON, "return values")],
    caught_by=OUTPUT,
)
edited(
    "MultiHeadAttention",
    "no_output_layer",
    "There is no output layer named o_proj. What mixes the results of the heads?",
    [
        ("        self.o_proj = nn.Linear(embed_dim, embed_dim)\n", ""),
        (f"        {DRAW_OUTPUT}\n", ""),
        ("        nn.init.zeros_(self.o_proj.bias)\n", ""),
        (PASS_ON, "return values"),
        (f"            {COPY_OUTPUT}\n            self.o_proj.bias.copy_(theirs.out_proj.bias)", "            pass"),
    ],
    caught_by=OUTPUT,
)
edited(
    "MultiHeadAttention",
    "adds_the_embedding",
    "The embedding is added to the result. That residual connection comes in stage 05, outside of this module.",
    [(PASS_ON, "return embedding + self.o_proj(values)")],
    caught_by=OUTPUT,
)
edited(
    "MultiHeadAttention",
    "output_layer_twice",
    "The result goes through the output layer twice.",
    [(PASS_ON, "return self.o_proj(self.o_proj(values))")],
    caught_by=OUTPUT,
)
edited(
    "MultiHeadAttention",
    "squashes_the_result",
    "Behind the output layer something bends the result. The last step of the module is linear.",
    [(PASS_ON, "return torch.tanh(self.o_proj(values))")],
    caught_by=OUTPUT,
)
edited(
    "MultiHeadAttention",
    "copies_row_by_row",
    "The rows are copied in torch's order, but this module reads its own layer head by head. Which of torch's rows "
    "belongs to the first key?",
    [(COPY_QKV, "mine.copy_(rows)")],
    caught_by=VALUES,
)
edited(
    "MultiHeadAttention",
    "copies_keys_as_queries",
    "Queries and keys are exchanged on the way. In which order does torch stack its three parts?",
    [(COPY_QKV, "mine.copy_(rows.unflatten(0, (3, self.n_heads, -1))[[1, 0, 2]].transpose(0, 1).flatten(0, 2))")],
    caught_by=QUERIES,
)
edited(
    "MultiHeadAttention",
    "copies_values_first",
    "The three parts are copied in another order than torch's: queries, keys, values.",
    [(COPY_QKV, "mine.copy_(rows.unflatten(0, (3, self.n_heads, -1)).flip(0).transpose(0, 1).flatten(0, 2))")],
    caught_by=VALUES,
)
edited(
    "MultiHeadAttention",
    "copies_heads_and_features_exchanged",
    "Within a part, torch's rows are cut as if the heads were innermost. They go head after head.",
    [
        (
            COPY_QKV,
            "mine.copy_(rows.unflatten(0, (3, -1, self.n_heads)).movedim(2, 0).flatten(0, 2))",
        )
    ],
    caught_by=QUERIES,
)
edited(
    "MultiHeadAttention",
    "copies_all_but_the_output_layer",
    "The weights of the output layer are not copied. What is torch's name for it?",
    [(COPY_OUTPUT, "pass")],
    caught_by=VALUES,
)
edited(
    "MultiHeadAttention",
    "copies_the_output_layer_transposed",
    "The weights of the output layer are turned over on the way. Both layers hold them as (outputs, inputs).",
    [(COPY_OUTPUT, "self.o_proj.weight.copy_(theirs.out_proj.weight.T)")],
    caught_by=VALUES,
)
edited(
    "MultiHeadAttention",
    "copies_weights_only",
    "The biases are not copied. As long as they are zero nobody notices.",
    [
        ("                (self.qkv_proj.bias, theirs.in_proj_bias),\n", ""),
        ("self.o_proj.bias.copy_(theirs.out_proj.bias)", "pass"),
    ],
    caught_by=BIASES,
)
edited(
    "MultiHeadAttention",
    "copies_biases_row_by_row",
    "The weights are put into the order of this module, the biases stay in torch's.",
    [(COPY_QKV, f"mine.copy_(rows) if rows.ndim == 1 else {COPY_QKV}")],
    caught_by=BIASES,
)
edited(
    "MultiHeadAttention",
    "forgets_the_output_bias",
    "The bias of the output layer is not copied.",
    [("self.o_proj.bias.copy_(theirs.out_proj.bias)", "pass")],
    caught_by=BIASES,
)
edited(
    "MultiHeadAttention",
    "borrows_the_output_layer",
    "Both modules share an output layer now: whoever trains one of them changes the other. Copy the numbers.",
    [(COPY_OUTPUT, "self.o_proj = theirs.out_proj")],
    caught_by=COPY,
)
edited(
    "MultiHeadAttention",
    "copies_the_other_way_round",
    "The weights go from this module to torch's, and not the other way round.",
    [
        (COPY_QKV, "rows.copy_(mine.unflatten(0, (self.n_heads, 3, -1)).transpose(0, 1).flatten(0, 2))"),
        (COPY_OUTPUT, "theirs.out_proj.weight.copy_(self.o_proj.weight)"),
        ("self.o_proj.bias.copy_(theirs.out_proj.bias)", "theirs.out_proj.bias.copy_(self.o_proj.bias)"),
    ],
    caught_by=COPY,
)
