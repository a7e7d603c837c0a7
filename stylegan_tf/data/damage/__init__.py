"""Kinds of damage that `data.defects` plants, a family a module.

Every function takes (image, amount, rng) or (image, amount, rng, content) and returns (image, mask):

    image: float32 [H, W, 3] in [0, 1]; the result may leave the range and is clipped by the caller.
    amount: Strength in the unit of the table in `data.defects`.
    rng: numpy.random.Generator, the only source of chance.
    content: The photograph behind a stylised picture, float32 [H, W, 3] in [0, 1].
    mask: float32 [H, W], 1 where the picture was damaged and 0 elsewhere.
"""
