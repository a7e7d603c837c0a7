"""Networks without TensorFlow: LiteRT (formerly TensorFlow Lite) on CPUs.

LiteRT starts in a tenth of a second, where `import tensorflow` takes seconds, and runs convolutions closer to a
core's peak. `conversion` makes a model file out of traced TensorFlow functions and is the only file here that needs
TensorFlow; `runtime` runs such a file, `templates` keeps its weights out of it, `stylization` is what surrounds the
networks of a style transfer. These know no System, no Config and no loaded model.
"""
