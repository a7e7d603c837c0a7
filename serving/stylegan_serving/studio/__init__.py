"""A page in the browser: a photograph, pictures of a look, a model, and what they make of each other.

    python -m stylegan_serving.studio

`workshop` does what the page asks for and knows no page, `page` draws it with Gradio, `texts` has its words.
"""
