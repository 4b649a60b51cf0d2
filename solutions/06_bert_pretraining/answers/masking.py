"""6.2 Right answers to mask_inputs."""

# mypy: disallow-untyped-defs=False
# The functions are written as students write them: without annotations.

import torch

from autograder.answers import alternative, reference


@reference("mask_inputs")
def with_two_draws(text, vocab_size, mask_rate=0.15, only_mask=False, pad_id=0):
    chosen = (torch.rand(text.shape, device=text.device) < mask_rate) & (text != pad_id)
    mask_labels = text.masked_fill(~chosen, -100)
    if only_mask:
        return text.masked_fill(chosen, vocab_size), mask_labels
    fate = torch.rand(text.shape, device=text.device)
    masked_text = text.masked_fill(chosen & (fate < 0.8), vocab_size)
    anything = torch.randint_like(text, vocab_size - 1)
    anything += anything >= pad_id
    return torch.where(chosen & (fate >= 0.9), anything, masked_text), mask_labels


@alternative("mask_inputs")
def with_bernoulli(text, vocab_size, mask_rate=0.15, only_mask=False, pad_id=0):
    rate = torch.full(text.shape, mask_rate)
    rate[text == pad_id] = 0.0
    chosen = torch.bernoulli(rate).bool()
    labels = text.clone()
    labels[~chosen] = -100
    masked = text.clone()
    if only_mask:
        masked[chosen] = vocab_size
        return masked, labels
    to_mask = torch.bernoulli(torch.full(text.shape, 0.8)).bool() & chosen
    masked[to_mask] = vocab_size
    to_random = torch.bernoulli(torch.full(text.shape, 0.5)).bool() & chosen & ~to_mask
    words = torch.tensor([token for token in range(vocab_size) if token != pad_id])
    masked[to_random] = words[torch.randint(len(words), (int(to_random.sum()),))]
    return masked, labels


@alternative("mask_inputs")
def with_one_draw(text, vocab_size, mask_rate=0.15, only_mask=False, pad_id=0):
    share_masked = 1.0 if only_mask else 0.8
    u = torch.rand_like(text, dtype=torch.float64) / mask_rate
    u[text == pad_id] = 2.0
    other = torch.randint(vocab_size - 1, text.shape)
    other = torch.where(other < pad_id, other, other + 1)
    masked_text = torch.where(u < share_masked, torch.full_like(text, vocab_size), text)
    if not only_mask:
        masked_text = torch.where((u >= 0.8) & (u < 0.9), other, masked_text)
    return masked_text, torch.where(u < 1.0, text, torch.full_like(text, -100))


@alternative("mask_inputs")
def with_loops(text, vocab_size, mask_rate=0.15, only_mask=False, pad_id=0):
    import random

    words = [token for token in range(vocab_size) if token != pad_id]
    masked_rows, label_rows = [], []
    for row in text.tolist():
        masked, labels = [], []
        for token in row:
            label = -100
            if token != pad_id and random.random() < mask_rate:
                label = token
                dice = random.random()
                if only_mask or dice < 0.8:
                    token = vocab_size
                elif dice < 0.9:
                    token = random.choice(words)
            masked.append(token)
            labels.append(label)
        masked_rows.append(masked)
        label_rows.append(labels)
    return torch.tensor(masked_rows), torch.tensor(label_rows)


@alternative("mask_inputs")
def by_position(text, vocab_size, mask_rate=0.15, only_mask=False, pad_id=0):
    masked_text, mask_labels = text.clone(), torch.full_like(text, -100)
    rows, columns = (text != pad_id).nonzero(as_tuple=True)
    picked = torch.rand(len(rows)) < mask_rate
    rows, columns = rows[picked], columns[picked]
    mask_labels[rows, columns] = text[rows, columns]
    new = torch.full((len(rows),), vocab_size)
    if not only_mask:
        fate = torch.multinomial(torch.tensor([0.8, 0.1, 0.1]), max(len(rows), 1), replacement=True)[: len(rows)]
        weights = torch.ones(vocab_size)
        weights[pad_id] = 0
        drawn = torch.multinomial(weights, max(len(rows), 1), replacement=True)[: len(rows)]
        new = torch.where(fate == 1, drawn, torch.where(fate == 2, text[rows, columns], new))
    masked_text[rows, columns] = new
    return masked_text, mask_labels


@alternative("mask_inputs")
def split_after_shuffling(text, vocab_size, mask_rate=0.15, only_mask=False, pad_id=0):
    flat = text.reshape(-1)
    places = torch.nonzero((torch.rand(flat.shape) < mask_rate) & (flat != pad_id)).squeeze(1)
    labels = torch.full_like(flat, -100)
    labels[places] = flat[places]
    masked = flat.clone()
    if only_mask:
        masked[places] = vocab_size
    else:
        places = places[torch.randperm(len(places))]
        first, second = round(0.8 * len(places)), round(0.9 * len(places))
        masked[places[:first]] = vocab_size
        drawn = torch.randint(1, vocab_size, (second - first,))
        masked[places[first:second]] = (drawn + pad_id) % vocab_size
    return masked.view(text.shape), labels.view(text.shape)
