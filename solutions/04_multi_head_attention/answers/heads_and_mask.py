"""4.1 Wrong answers to MultiHeadAttention: heads, scale, mask and dropout."""

from autograder.answers import edited

HEADS = "test_every_head_has_its_own_attention"
SCALE = "test_products_are_scaled_by_the_size_of_a_head"
PADDING = "test_padding_changes_nothing_for_real_tokens"
ROWS = "test_padded_tokens_still_ask"
MASK_TYPES = "test_mask_may_hold_booleans_or_numbers"
DROPS = "test_dropout_falls_on_the_weights_in_training"
EVAL = "test_nothing_is_dropped_in_eval_mode"
LEARNS = "test_every_weight_learns"

SPLIT = ".view(batch, seq_len, self.n_heads, 3, -1)\n        q, k, v = qkv.permute(3, 0, 2, 1, 4)"
CUT = ".chunk(3, dim=-1)\n        q, k, v = (part.reshape(batch, self.n_heads, seq_len, -1) for part in qkv)"
ATTEND = "values, _ = scaled_dot_product(q, k, v, rate, mask)"
MERGE = "values.transpose(1, 2).reshape(batch, seq_len, embed_dim)"
RATE = "rate = self.attn_drop_rate if self.training else 0.0"

edited(
    "MultiHeadAttention",
    "split_without_transpose",
    "The features are cut into heads without moving the dimension of the heads, so a head mixes pieces of several "
    "tokens. What are the shapes before and after the cut, dimension by dimension?",
    [(SPLIT, CUT)],
    caught_by=HEADS,
)
edited(
    "MultiHeadAttention",
    "split_and_merged_without_transpose",
    "Neither the cut into heads nor the merge moves the dimension of the heads, so tokens and features are mixed up. "
    "Write down what each dimension means before and after.",
    [
        (
            SPLIT,
            ".chunk(3, dim=-1)\n        q, k, v = (part.reshape(batch, self.n_heads, seq_len, -1) for part in qkv)",
        ),
        (MERGE, "values.reshape(batch, seq_len, embed_dim)"),
    ],
    caught_by=HEADS,
)
edited(
    "MultiHeadAttention",
    "merged_without_transpose",
    "The heads are put together without moving their dimension back behind that of the tokens, so tokens get pieces of "
    "one another.",
    [(MERGE, "values.reshape(batch, seq_len, embed_dim)")],
    caught_by=HEADS,
)
edited(
    "MultiHeadAttention",
    "one_wide_head",
    "All features share one attention, as if there was a single head. Where are they cut into heads?",
    [("self.n_heads, 3, -1)", "1, 3, -1)")],
    caught_by=HEADS,
)
edited(
    "MultiHeadAttention",
    "heads_and_features_exchanged",
    "There are as many heads as a head should have features, and the other way round. Which of the two sizes is given?",
    [("self.n_heads, 3, -1)", "embed_dim // self.n_heads, 3, self.n_heads)")],
    caught_by=HEADS,
)
edited(
    "MultiHeadAttention",
    "heads_averaged",
    "The heads are averaged. They should stand side by side, so that the output layer sees what each of them found.",
    [(MERGE, "values.mean(dim=1).repeat(1, 1, self.n_heads)")],
    caught_by=HEADS,
)
edited(
    "MultiHeadAttention",
    "attends_over_reviews",
    "Attention runs over the reviews of the batch, and not over the tokens of a review.",
    [
        ("qkv.permute(3, 0, 2, 1, 4)", "qkv.permute(3, 1, 2, 0, 4)"),
        ("values.transpose(1, 2)", "values.permute(2, 0, 1, 3)"),
    ],
    caught_by=HEADS,
)
edited(
    "MultiHeadAttention",
    "attends_over_heads",
    "Attention runs over the heads of a token, and not over the tokens of a review.",
    [
        ("qkv.permute(3, 0, 2, 1, 4)", "qkv.permute(3, 0, 1, 2, 4)"),
        ("values.transpose(1, 2).reshape", "values.reshape"),
    ],
    caught_by=HEADS,
)
edited(
    "MultiHeadAttention",
    "query_is_the_key",
    "Queries and keys are the same numbers, so a part of the fused layer never learns. How many parts has it?",
    [(ATTEND, "values, _ = scaled_dot_product(k, k, v, rate, mask)")],
    caught_by=LEARNS,
)
edited(
    "MultiHeadAttention",
    "value_is_the_key",
    "Keys and values are the same numbers, so a part of the fused layer never learns. How many parts has it?",
    [(ATTEND, "values, _ = scaled_dot_product(q, k, k, rate, mask)")],
    caught_by=LEARNS,
)
edited(
    "MultiHeadAttention",
    "cut_off_from_its_inputs",
    "No gradient reaches the layer that makes queries, keys and values. Is it cut off somewhere?",
    [("self.qkv_proj(embedding).view", "self.qkv_proj(embedding).detach().view")],
    caught_by=LEARNS,
)
edited(
    "MultiHeadAttention",
    "scaled_by_the_whole_width",
    "The products are divided by the root of the whole embed_dim. How long is the query of one head?",
    [(ATTEND, "values, _ = scaled_dot_product(q / self.n_heads**0.5, k, v, rate, mask)")],
    caught_by=SCALE,
)
edited(
    "MultiHeadAttention",
    "scaled_twice",
    "The products are divided by the root of the size of a head twice. Who does it already?",
    [(ATTEND, "values, _ = scaled_dot_product(q / q.shape[-1] ** 0.5, k, v, rate, mask)")],
    caught_by=SCALE,
)
edited(
    "MultiHeadAttention",
    "not_scaled",
    "The products are not scaled at all. What did stage 03 find out about long queries and keys?",
    [(ATTEND, "values, _ = scaled_dot_product(q * q.shape[-1] ** 0.5, k, v, rate, mask)")],
    caught_by=SCALE,
)
edited(
    "MultiHeadAttention",
    "forgets_the_mask",
    "The mask never reaches the attention: padding still has a say.",
    [("rate, mask)", "rate)")],
    caught_by=PADDING,
)
edited(
    "MultiHeadAttention",
    "mask_the_wrong_way_round",
    "The mask is turned round: now only padding is listened to. What does a 1 stand for?",
    [("rate, mask)", "rate, None if mask is None else mask == 0)")],
    caught_by=PADDING,
)
edited(
    "MultiHeadAttention",
    "hides_the_rows",
    "The mask hides the padded tokens where they ask (rows), and not where they are asked (columns).",
    [
        (
            ATTEND,
            "scores = q @ k.mT / q.shape[-1] ** 0.5\n"
            "        if mask is not None:\n"
            "            scores = scores.masked_fill(mask.bool()[:, None, :, None], -1e9)\n"
            "        values = F.dropout(scores.softmax(dim=-1), rate) @ v",
        )
    ],
    caught_by=PADDING,
)
edited(
    "MultiHeadAttention",
    "hides_rows_and_columns",
    "The mask hides padding in both directions. A padded token may ask like any other; only nobody may ask it.",
    [
        (
            ATTEND,
            "scores = q @ k.mT / q.shape[-1] ** 0.5\n"
            "        if mask is not None:\n"
            "            hidden = mask.bool()[:, None, :, None] | mask.bool()[:, None, None, :]\n"
            "            scores = scores.masked_fill(hidden, -1e9)\n"
            "        values = F.dropout(scores.softmax(dim=-1), rate) @ v",
        )
    ],
    caught_by=ROWS,
)
edited(
    "MultiHeadAttention",
    "empties_padded_embeddings",
    "The embeddings of padded tokens are set to zero instead of being hidden. An empty token still gets a weight.",
    [
        (
            "        qkv = ",
            "        if mask is not None:\n            embedding = embedding * (mask == 0)[:, :, None]\n        qkv = ",
        ),
        ("rate, mask)", "rate)"),
    ],
    caught_by=PADDING,
)
edited(
    "MultiHeadAttention",
    "empties_padded_outputs",
    "The outputs of padded tokens are set to zero. The mask is about who is asked; whoever asks gets an answer.",
    [
        (
            "        return self.o_proj(values)",
            "        if mask is not None:\n"
            "            values = values * (mask == 0)[:, :, None]\n"
            "        return self.o_proj(values)",
        )
    ],
    caught_by=ROWS,
)
edited(
    "MultiHeadAttention",
    "knows_only_booleans",
    "Only a mask of booleans is taken for one. One of the numbers 0 and 1 changes nothing.",
    [("rate, mask)", "rate, mask if mask is not None and mask.dtype == torch.bool else None)")],
    caught_by=MASK_TYPES,
)
edited(
    "MultiHeadAttention",
    "drops_in_eval_mode",
    "Weights are dropped in eval mode too. The function of stage 03 knows no modes: who must tell it?",
    [(RATE, "rate = self.attn_drop_rate")],
    caught_by=EVAL,
)
edited(
    "MultiHeadAttention",
    "drops_in_eval_mode_only",
    "Weights are dropped in eval mode and kept in training. Which of the two needs it?",
    [(RATE, "rate = 0.0 if self.training else self.attn_drop_rate")],
    caught_by=EVAL,
)
edited(
    "MultiHeadAttention",
    "never_drops",
    "Nothing is ever dropped. Where does the rate that the module was given go?",
    [(RATE, "rate = 0.0")],
    caught_by=DROPS,
)
edited(
    "MultiHeadAttention",
    "drops_a_tenth",
    "A tenth of the weights is dropped whatever the rate. Does the module remember the rate that it was given?",
    [(RATE, "rate = 0.1 if self.training else 0.0")],
    caught_by=DROPS,
)
edited(
    "MultiHeadAttention",
    "drops_by_default",
    "The attention is called without a rate and falls back on its default of a tenth, in eval mode as well.",
    [("k, v, rate, mask)", "k, v, mask=mask)")],
    caught_by=EVAL,
)
edited(
    "MultiHeadAttention",
    "drops_values",
    "Single features of the mixed values are dropped, and not weights of the attention.",
    [
        ("k, v, rate, mask)", "k, v, 0.0, mask)"),
        ("values = values.transpose", "values = F.dropout(values, rate).transpose"),
    ],
    caught_by=DROPS,
)
edited(
    "MultiHeadAttention",
    "drops_results",
    "The dropout falls on the result of the module. Here it belongs on the weights of the attention.",
    [
        ("k, v, rate, mask)", "k, v, 0.0, mask)"),
        ("return self.o_proj(values)", "return F.dropout(self.o_proj(values), rate)"),
    ],
    caught_by=DROPS,
)
