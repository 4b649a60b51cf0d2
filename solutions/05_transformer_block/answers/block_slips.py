"""5.1 Wrong answers to TransformerBlock: slips of a few words in the reference."""

from autograder.answers import edited

BLOCK = "TransformerBlock"
RETURNS = "test_a_block_returns_embedding_and_mask"
LEARNS = "test_a_block_has_its_parameters"
NORMAL = "test_every_token_leaves_normalised"
ATTENTION = "test_attention_is_added_to_its_input"
FEEDS = "test_the_feed_forward_layer_is_added_to_its_input"
CHAIN = "test_the_second_half_works_on_what_the_first_made"
MASK = "test_the_mask_reaches_attention"
DROPS = "test_dropout_falls_on_what_is_added"
RATES = "test_each_rate_has_its_place"

edited(
    BLOCK,
    "pre_norm",
    "This is a pre-norm block: each half normalises what it reads. In this exercise it normalises its sum: where in "
    "the list of steps do the two normalisations stand?",
    [
        ("self.attention(embedding, mask)", "self.attention(self.attention_norm(embedding), mask)"),
        ("self.attention_norm(embedding + attended)", "embedding + attended"),
        ("self.expand(attended)", "self.expand(self.output_norm(attended))"),
        (
            "self.output_norm(attended + self.dropout(self.contract(hidden)))",
            "attended + self.dropout(self.contract(hidden))",
        ),
    ],
    caught_by=NORMAL,
)
edited(
    BLOCK,
    "norm_before_the_residual",
    "Each half normalises what it adds, and then adds it. Which of the two comes first in the list of steps, "
    "residual or normalisation?",
    [
        ("self.attention_norm(embedding + attended)", "embedding + self.attention_norm(attended)"),
        (
            "self.output_norm(attended + self.dropout(self.contract(hidden)))",
            "attended + self.output_norm(self.dropout(self.contract(hidden)))",
        ),
    ],
    caught_by=NORMAL,
)
edited(
    BLOCK,
    "no_last_norm",
    "The block ends with a residual. What is the last of the ten steps?",
    [
        (
            "self.output_norm(attended + self.dropout(self.contract(hidden)))",
            "attended + self.dropout(self.contract(hidden))",
        )
    ],
    caught_by=NORMAL,
)
edited(
    BLOCK,
    "no_first_norm",
    "The sum of input and attention goes into the feed-forward layer as it is. What stands between the first "
    "residual and the first linear layer?",
    [("self.attention_norm(embedding + attended)", "embedding + attended")],
    caught_by=CHAIN,
)
edited(
    BLOCK,
    "no_first_residual",
    "What attention says replaces the token. To what should it be added before it is normalised?",
    [("self.attention_norm(embedding + attended)", "self.attention_norm(attended)")],
    caught_by=ATTENTION,
)
edited(
    BLOCK,
    "no_second_residual",
    "The feed-forward layer's output replaces its input. Both halves of a block have a residual: where is the second?",
    [("self.output_norm(attended + self.dropout", "self.output_norm(self.dropout")],
    caught_by=FEEDS,
)
edited(
    BLOCK,
    "residual_from_the_block_input",
    "The second residual starts at the input of the block. It should carry on what the first half made: what went into "
    "the first of the two linear layers?",
    [("self.output_norm(attended + self.dropout", "self.output_norm(embedding + self.dropout")],
    caught_by=CHAIN,
)
edited(
    BLOCK,
    "feed_forward_reads_the_block_input",
    "The feed-forward layer reads the input of the block, so it never sees what attention brought. What should go "
    "into it?",
    [("self.expand(attended)", "self.expand(embedding)")],
    caught_by=CHAIN,
)
edited(
    BLOCK,
    "residual_twice",
    "Each residual is added twice, so that what the halves have to say counts for less. Has the attention's output "
    "already got its input added?",
    [
        ("self.attention_norm(embedding + attended)", "self.attention_norm(2 * embedding + attended)"),
        ("self.output_norm(attended + self.dropout", "self.output_norm(2 * attended + self.dropout"),
    ],
    caught_by=ATTENTION,
)
edited(
    BLOCK,
    "one_norm_for_both",
    "Both halves share one normalisation, and with it the scale and shift that it learns. How many does a block have "
    "of its own?",
    [
        ("        self.output_norm = nn.LayerNorm(embed_dim)\n", ""),
        ("self.output_norm(attended", "self.attention_norm(attended"),
    ],
    caught_by=LEARNS,
)
edited(
    BLOCK,
    "norms_learn_nothing",
    "The normalisations have no scale and shift to learn. What does the layer have by default?",
    [
        (
            "self.attention_norm = nn.LayerNorm(embed_dim)",
            "self.attention_norm = nn.LayerNorm(embed_dim, elementwise_affine=False)",
        ),
        (
            "self.output_norm = nn.LayerNorm(embed_dim)",
            "self.output_norm = nn.LayerNorm(embed_dim, elementwise_affine=False)",
        ),
    ],
    caught_by=LEARNS,
)
edited(
    BLOCK,
    "normalises_over_tokens",
    "The last normalisation takes mean and variance over the tokens of a review. Over which axis does it run in a "
    "Transformer, so that no token depends on how many others there are?",
    [
        (
            "self.output_norm(attended + self.dropout(self.contract(hidden)))",
            "F.instance_norm((attended + self.dropout(self.contract(hidden))).mT).mT"
            " * self.output_norm.weight + self.output_norm.bias",
        )
    ],
    caught_by=NORMAL,
)
edited(
    BLOCK,
    "relu",
    "The two linear layers have a ReLU between them. Which bend does this block use?",
    [("F.gelu(", "F.relu(")],
    caught_by=FEEDS,
)
edited(
    BLOCK,
    "no_bend",
    "Nothing stands between the two linear layers, so together they are only one. What bends their line?",
    [("F.gelu(self.expand(attended))", "self.expand(attended)")],
    caught_by=FEEDS,
)
edited(
    BLOCK,
    "gelu_at_the_end",
    "GELU comes after the second linear layer, and the two linear layers touch each other. Between which two steps "
    "does it belong?",
    [
        ("F.gelu(self.expand(attended))", "self.expand(attended)"),
        ("self.contract(hidden)", "F.gelu(self.contract(hidden))"),
    ],
    caught_by=FEEDS,
)
edited(
    BLOCK,
    "gelu_twice",
    "GELU comes after both linear layers. What the feed-forward layer adds should be free to be negative: how often "
    "does the list of steps name it?",
    [("self.contract(hidden)", "F.gelu(self.contract(hidden))")],
    caught_by=FEEDS,
)
edited(
    BLOCK,
    "not_wider_inside",
    "The feed-forward layer is as wide inside as outside. By what factor should the first linear layer widen a token?",
    [
        ("nn.Linear(embed_dim, 4 * embed_dim)", "nn.Linear(embed_dim, embed_dim)"),
        ("nn.Linear(4 * embed_dim, embed_dim)", "nn.Linear(embed_dim, embed_dim)"),
    ],
    caught_by=LEARNS,
)
edited(
    BLOCK,
    "twice_as_wide_inside",
    "The feed-forward layer is two times as wide inside as outside. What does the list of steps say?",
    [
        ("nn.Linear(embed_dim, 4 * embed_dim)", "nn.Linear(embed_dim, 2 * embed_dim)"),
        ("nn.Linear(4 * embed_dim, embed_dim)", "nn.Linear(2 * embed_dim, embed_dim)"),
    ],
    caught_by=LEARNS,
)
edited(
    BLOCK,
    "a_single_linear_layer",
    "The feed-forward layer has one linear layer only. Which step brings the widened token back to its size?",
    [
        ("nn.Linear(embed_dim, 4 * embed_dim)", "nn.Linear(embed_dim, embed_dim)"),
        ("        self.contract = nn.Linear(4 * embed_dim, embed_dim)\n", ""),
        ("self.contract(hidden)", "hidden"),
    ],
    caught_by=LEARNS,
)
edited(
    BLOCK,
    "no_biases",
    "The two linear layers have no biases. What does a linear layer have by default?",
    [
        ("nn.Linear(embed_dim, 4 * embed_dim)", "nn.Linear(embed_dim, 4 * embed_dim, bias=False)"),
        ("nn.Linear(4 * embed_dim, embed_dim)", "nn.Linear(4 * embed_dim, embed_dim, bias=False)"),
    ],
    caught_by=LEARNS,
)
edited(
    BLOCK,
    "mask_not_passed",
    "Attention never hears of the mask, so every token looks at padding. Who needs the mask besides the next block?",
    [("self.attention(embedding, mask)", "self.attention(embedding)")],
    caught_by=MASK,
)
edited(
    BLOCK,
    "mask_turned_round",
    "The mask is turned round on its way to attention: now padding is all that a token may look at. What does a 1 "
    "mean?",
    [("self.attention(embedding, mask)", "self.attention(embedding, None if mask is None else 1 - mask.int())")],
    caught_by=MASK,
)
edited(
    BLOCK,
    "mask_zeroes_the_padding",
    "Padding is set to zero in place of being hidden. A token of zeros still has a key: can others look at it?",
    [
        (
            "self.attention(embedding, mask)",
            "self.attention(embedding if mask is None else embedding * (1 - mask.to(embedding.dtype))[..., None])",
        )
    ],
    caught_by=MASK,
)
edited(
    BLOCK,
    "mask_not_returned",
    "Only the embedding comes back. What will the next block of a stack be called with?",
    [("return result, mask", "return result")],
    caught_by=RETURNS,
)
edited(
    BLOCK,
    "mask_lost",
    "The mask that comes back is empty, so only the first block of a stack hides padding. What does the next one need?",
    [("return result, mask", "return result, None")],
    caught_by=RETURNS,
)
edited(
    BLOCK,
    "mask_first",
    "The mask comes back first and the embedding second. In which order does the next block take them?",
    [("return result, mask", "return mask, result")],
    caught_by=RETURNS,
)
edited(
    BLOCK,
    "two_arguments",
    "The block takes embedding and mask as two arguments. A stack hands on what the block before returned: one tuple.",
    [("def forward(self, inputs):\n        embedding, mask = inputs\n", "def forward(self, embedding, mask):\n")],
    caught_by=RETURNS,
)
edited(
    BLOCK,
    "writes_into_the_input",
    "The residual is added into the embedding that was handed in. Who else may still need it?",
    [
        ("self.attention_norm(embedding + attended)", "self.attention_norm(embedding.add_(attended))"),
    ],
    caught_by=RETURNS,
)
edited(
    BLOCK,
    "no_dropout",
    "Nothing is dropped but attention weights. Which two steps does the second rate belong to?",
    [
        ("self.dropout(self.attention(embedding, mask))", "self.attention(embedding, mask)"),
        ("self.dropout(self.contract(hidden))", "self.contract(hidden)"),
    ],
    caught_by=DROPS,
)
edited(
    BLOCK,
    "dropout_after_attention_only",
    "What attention adds is dropped, what the feed-forward layer adds is not. How often does dropout stand in the "
    "list of steps?",
    [("self.dropout(self.contract(hidden))", "self.contract(hidden)")],
    caught_by=DROPS,
)
edited(
    BLOCK,
    "dropout_after_feed_forward_only",
    "What the feed-forward layer adds is dropped, what attention adds is not. How often does dropout stand in the "
    "list of steps?",
    [("self.dropout(self.attention(embedding, mask))", "self.attention(embedding, mask)")],
    caught_by=DROPS,
)
edited(
    BLOCK,
    "dropout_on_the_sum",
    "Dropout falls on the sum, so the residual loses numbers too. What should always get through?",
    [
        ("self.dropout(self.attention(embedding, mask))", "self.attention(embedding, mask)"),
        ("self.attention_norm(embedding + attended)", "self.attention_norm(self.dropout(embedding + attended))"),
        (
            "self.output_norm(attended + self.dropout(self.contract(hidden)))",
            "self.output_norm(self.dropout(attended + self.contract(hidden)))",
        ),
    ],
    caught_by=DROPS,
)
edited(
    BLOCK,
    "dropout_on_the_result",
    "Dropout comes last in each half, after the normalisation. Before which step does it belong?",
    [
        ("self.dropout(self.attention(embedding, mask))", "self.attention(embedding, mask)"),
        ("self.attention_norm(embedding + attended)", "self.dropout(self.attention_norm(embedding + attended))"),
        (
            "self.output_norm(attended + self.dropout(self.contract(hidden)))",
            "self.dropout(self.output_norm(attended + self.contract(hidden)))",
        ),
    ],
    caught_by=DROPS,
)
edited(
    BLOCK,
    "dropout_inside_the_feed_forward_layer",
    "In the feed-forward layer dropout comes right after GELU. After which of the two linear layers should it come?",
    [
        ("F.gelu(self.expand(attended))", "self.dropout(F.gelu(self.expand(attended)))"),
        ("self.dropout(self.contract(hidden))", "self.contract(hidden)"),
    ],
    caught_by=DROPS,
)
edited(
    BLOCK,
    "drops_whole_tokens",
    "Dropout removes all that is added to a token, or nothing of it. Should it not decide for each number?",
    [
        (
            "self.dropout(self.attention(embedding, mask))",
            "self.attention(embedding, mask)"
            "\n        attended = attended * self.dropout(torch.ones_like(attended[..., :1]))",
        ),
        (
            "self.dropout(self.contract(hidden))",
            "self.contract(hidden) * self.dropout(torch.ones_like(attended[..., :1]))",
        ),
    ],
    caught_by=DROPS,
)
edited(
    BLOCK,
    "dropout_in_eval_mode_too",
    "Dropout is on in eval mode too, so no two predictions agree. Who tells it whether the block is training?",
    [
        ("self.dropout = nn.Dropout(layer_drop_rate)", "self.dropout = lambda x: F.dropout(x, layer_drop_rate)"),
    ],
    caught_by=RATES,
)
edited(
    BLOCK,
    "rates_exchanged",
    "The two rates are exchanged: the attention weights get that of the layers. Which parameter goes where?",
    [
        (
            "MultiHeadAttention(embed_dim, n_heads, attn_drop_rate)",
            "MultiHeadAttention(embed_dim, n_heads, layer_drop_rate)",
        ),
        ("nn.Dropout(layer_drop_rate)", "nn.Dropout(attn_drop_rate)"),
    ],
    caught_by=RATES,
)
edited(
    BLOCK,
    "one_rate_for_all",
    "The rate of the layers is used for the attention weights as well. What is the other rate for?",
    [
        (
            "MultiHeadAttention(embed_dim, n_heads, attn_drop_rate)",
            "MultiHeadAttention(embed_dim, n_heads, layer_drop_rate)",
        )
    ],
    caught_by=RATES,
)
