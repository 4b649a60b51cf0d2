"""6.1 Wrong answers to BertModel: each is the right one with a slip."""

from autograder.answers import edited

TABLE = "nn.Embedding(vocab_size + 1, embed_dim)"
POSITIONS = "self.positions(self.embedding(batch_text))"
BUILT = "[TransformerBlock(embed_dim, n_heads, attn_drop_rate, layer_drop_rate) for _ in range(n_layers)]"
RUN = "embedding, _ = self.blocks((embedding, mask))"
HEAD = "return self.output(embedding)"

edited(
    "BertModel",
    "no_row_for_the_mask",
    "The embedding has one row per token of the vocabulary and none for the mask token, whose id comes right after the "
    "last of them.",
    [(TABLE, "nn.Embedding(vocab_size, embed_dim)")],
    caught_by="test_the_mask_token_has_an_embedding",
)
edited(
    "BertModel",
    "mask_row_never_learns",
    "The row of the mask token is declared as padding of the embedding, so it gets no gradient and never learns.",
    [(TABLE, "nn.Embedding(vocab_size + 1, embed_dim, padding_idx=vocab_size)")],
    caught_by="test_gradients_reach_every_parameter",
)
edited(
    "BertModel",
    "no_positions",
    "No positions are added. Attention does not see the order of its tokens: without positions a review is a bag of "
    "words.",
    [(POSITIONS, "self.embedding(batch_text)")],
    caught_by="test_positions_are_added_once_to_the_embeddings",
)
edited(
    "BertModel",
    "positions_added_twice",
    "The positions are added twice: the positional encoding already returns the sum of the embeddings and the "
    "positions.",
    [
        (
            f"embedding = {POSITIONS}\n",
            "embedding = self.embedding(batch_text)\n"
            "        embedding = self.positions(embedding) + self.positions(torch.zeros_like(embedding))\n",
        )
    ],
    caught_by="test_positions_are_added_once_to_the_embeddings",
)
edited(
    "BertModel",
    "embedding_added_twice",
    "The embeddings are added to what the positional encoding returns, which already contains them.",
    [
        (
            f"embedding = {POSITIONS}\n",
            "embedding = self.embedding(batch_text)\n        embedding = embedding + self.positions(embedding)\n",
        )
    ],
    caught_by="test_positions_are_added_once_to_the_embeddings",
)
edited(
    "BertModel",
    "embedding_times_root_of_width",
    "The embeddings are multiplied by the square root of their width before the positions are added. The paper on "
    "translation does so; here they go in as they are.",
    [(POSITIONS, "self.positions(self.embedding(batch_text) * self.embedding.embedding_dim**0.5)")],
    caught_by="test_positions_are_added_once_to_the_embeddings",
)
edited(
    "BertModel",
    "positions_after_the_blocks",
    "The positions are added after the blocks. The blocks mix the tokens, so they must know the order before.",
    [(POSITIONS, "self.embedding(batch_text)"), (HEAD, "return self.output(self.positions(embedding))")],
    caught_by="test_positions_are_added_once_to_the_embeddings",
)
edited(
    "BertModel",
    "mask_not_passed_on",
    "The padding mask arrives in the model but does not reach the blocks, so every token looks at padding.",
    [(RUN, "embedding, _ = self.blocks((embedding, None))")],
    caught_by="test_padding_is_hidden_in_every_block",
)
edited(
    "BertModel",
    "mask_in_the_first_block_only",
    "Only the first block gets the padding mask. In the later ones padding is looked at again.",
    [
        (
            RUN,
            "for block in self.blocks:\n            embedding, _ = block((embedding, mask))\n            mask = None",
        )
    ],
    caught_by="test_padding_is_hidden_in_every_block",
)
edited(
    "BertModel",
    "mask_upside_down",
    "The mask is inverted on its way to the blocks: it is 1 where a token is padding, and so do the blocks expect it.",
    [(RUN, "embedding, _ = self.blocks((embedding, None if mask is None else ~mask.bool()))")],
    caught_by="test_padding_is_hidden_in_every_block",
)
edited(
    "BertModel",
    "own_mask_from_zeros",
    "The model makes a mask of its own from the tokens with id 0 and does not use the one that it is given.",
    [(RUN, "embedding, _ = self.blocks((embedding, batch_text == 0))")],
    caught_by="test_padding_is_hidden_in_every_block",
)
edited(
    "BertModel",
    "tokens_of_the_batch_mixed_up",
    "Reviews and tokens are exchanged before the blocks, so a token attends to tokens of other reviews instead of "
    "those of its own.",
    [
        (
            RUN,
            "embedding, _ = self.blocks((embedding.transpose(0, 1), None if mask is None else mask.transpose(0, 1)))\n"
            "        embedding = embedding.transpose(0, 1)",
        )
    ],
    caught_by="test_tokens_see_their_own_review_and_no_other",
)
edited(
    "BertModel",
    "blocks_left_out_of_forward",
    "The embeddings go straight to the output layer. The blocks are built and never called.",
    [(RUN, "embedding = embedding + 0")],
    caught_by="test_tokens_see_their_own_review_and_no_other",
)
edited(
    "BertModel",
    "no_output_layer",
    "The hidden states come back instead of scores: the last step is a linear layer from the width of the model to the "
    "vocabulary.",
    [(HEAD, "return embedding")],
    caught_by="test_there_are_scores_for_every_token_of_the_vocabulary",
)
edited(
    "BertModel",
    "output_for_the_mask_too",
    "The output layer also scores the mask token. That one goes in, but it is never the right answer: one score per "
    "token of the vocabulary is enough.",
    [("nn.Linear(embed_dim, vocab_size)", "nn.Linear(embed_dim, vocab_size + 1)")],
    caught_by="test_there_are_scores_for_every_token_of_the_vocabulary",
)
edited(
    "BertModel",
    "first_token_only",
    "Scores come back for the first token of each review only. Masks can stand anywhere, so every token needs them.",
    [(HEAD, "return self.output(embedding[:, 0])")],
    caught_by="test_there_are_scores_for_every_token_of_the_vocabulary",
)
edited(
    "BertModel",
    "mean_over_the_review",
    "The tokens of a review are averaged before the output layer. That suits a classifier; here each token needs "
    "scores of its own.",
    [(HEAD, "return self.output(embedding.mean(dim=1))")],
    caught_by="test_there_are_scores_for_every_token_of_the_vocabulary",
)
edited(
    "BertModel",
    "probabilities_out",
    "A softmax stands at the end of the model. The loss takes one itself, and twice makes all tokens nearly alike: the "
    "scores should come back as the output layer gives them.",
    [(HEAD, "return self.output(embedding).softmax(dim=-1)")],
    caught_by="test_scores_are_a_linear_function_of_the_hidden_states",
)
edited(
    "BertModel",
    "log_probabilities_out",
    "A log-softmax stands at the end of the model. The loss takes it itself: the scores should come back as the output "
    "layer gives them.",
    [(HEAD, "return self.output(embedding).log_softmax(dim=-1)")],
    caught_by="test_scores_are_a_linear_function_of_the_hidden_states",
)
edited(
    "BertModel",
    "scores_through_a_relu",
    "The scores go through a ReLU, which makes all negative ones equal. The output layer is the last step.",
    [(HEAD, "return self.output(embedding).relu()")],
    caught_by="test_scores_are_a_linear_function_of_the_hidden_states",
)
edited(
    "BertModel",
    "one_block_repeated",
    "One and the same block is used for every layer, so all layers share their weights. A list multiplied by a number "
    "holds one object many times.",
    [(BUILT, "[TransformerBlock(embed_dim, n_heads, attn_drop_rate, layer_drop_rate)] * n_layers")],
    caught_by="test_number_of_parameters",
)
edited(
    "BertModel",
    "one_layer_too_many",
    "There is one block more than the number of layers asked for.",
    [(BUILT, BUILT.replace("range(n_layers)", "range(n_layers + 1)"))],
    caught_by="test_number_of_parameters",
)
edited(
    "BertModel",
    "one_layer_too_few",
    "There is one block less than the number of layers asked for.",
    [(BUILT, BUILT.replace("range(n_layers)", "range(1, n_layers)"))],
    caught_by="test_number_of_parameters",
)
edited(
    "BertModel",
    "blocks_in_a_plain_list",
    "The blocks stand in an ordinary Python list, where the module does not find them: they are in none of its "
    "parameters, and the optimizer never gets them.",
    [
        ("self.blocks = nn.Sequential(*blocks)", "self.blocks = blocks"),
        (RUN, "for block in self.blocks:\n            embedding, mask = block((embedding, mask))"),
        # They follow the model to its dtype, so that this slip is the only one.
        (
            "embedding = self.positions",
            "for block in self.blocks:\n"
            "            block.to(self.output.weight.dtype)\n"
            "        embedding = self.positions",
        ),
    ],
    caught_by="test_number_of_parameters",
)
edited(
    "BertModel",
    "last_block_unused",
    "The last block is built but never called, so its parameters get no gradient.",
    [(RUN, "embedding, _ = self.blocks[:-1]((embedding, mask))")],
    caught_by="test_gradients_reach_every_parameter",
)
edited(
    "BertModel",
    "hidden_states_detached",
    "The hidden states are cut off from the graph before the output layer, so nothing below it learns.",
    [(HEAD, "return self.output(embedding.detach())")],
    caught_by="test_gradients_reach_every_parameter",
)
edited(
    "BertModel",
    "drop_rates_exchanged",
    "The two drop rates are exchanged on their way to the blocks.",
    [(BUILT, BUILT.replace("attn_drop_rate, layer_drop_rate", "layer_drop_rate, attn_drop_rate"))],
    caught_by="test_drop_rates_reach_the_blocks",
)
edited(
    "BertModel",
    "drop_rates_ignored",
    "The blocks get drop rates of 0, whatever the model is asked for.",
    [(BUILT, BUILT.replace("attn_drop_rate, layer_drop_rate", "0.0, 0.0"))],
    caught_by="test_drop_rates_reach_the_blocks",
)
edited(
    "BertModel",
    "one_rate_for_both",
    "The blocks get the rate of the layers for their attention weights too.",
    [(BUILT, BUILT.replace("attn_drop_rate, layer_drop_rate", "layer_drop_rate, layer_drop_rate"))],
    caught_by="test_drop_rates_reach_the_blocks",
)
edited(
    "BertModel",
    "always_one_head",
    "Every block gets one head, whatever the model is asked for.",
    [(BUILT, BUILT.replace("n_heads", "1"))],
    caught_by="test_drop_rates_reach_the_blocks",
)
edited(
    "BertModel",
    "dropout_on_the_output",
    "Scores are dropped before they come back. Dropout belongs into the blocks, which have it already.",
    [(HEAD, "return torch.nn.functional.dropout(self.output(embedding), 0.1, self.training)")],
    caught_by="test_drop_rates_reach_the_blocks",
)
