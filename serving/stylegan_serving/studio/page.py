"""The page itself, drawn with Gradio: what is seen, and which function of the workshop answers which button."""

import pathlib

import gradio

from stylegan_serving.studio import texts, workshop

OWN_SLIDERS = {  # most, default
    'texture': (1, 1), 'protect_skin': (1, 0), 'background': (1, 1), 'aligned': (1, 0), 'spread': (2, 1)}
CACHED_SECONDS = 6 * 3600  # uploads and results are deleted after this time
_STYLES = """
.gradio-container { max-width: 1280px !important; margin: 0 auto !important; }
#language { min-width: 180px !important; }
#make { font-size: 1.1em; }
#status p { margin: 0; }
footer { display: none !important; }
"""
# Gradio's own words, such as those of an empty gallery, follow the browser; this makes them follow the switch too,
# where this version of Gradio lets it.
_SWITCH = """async (language) => {
  document.documentElement.lang = language;
  const script = performance.getEntriesByType('resource').map((entry) => entry.name)
    .find((name) => /\\/assets\\/core-[^/]*\\.js/.test(name));
  try { (await import(script)).changeLocale(language === 'zh' ? 'zh-CN' : 'en'); } catch (error) {}
}"""


class Page:
    """The page of a `workshop.Workshop`, which `open` serves."""

    def __init__(self, shop):
        self._shop = shop
        self._worded = []  # (component, dict property -> key of the texts)
        with gradio.Blocks(analytics_enabled=False, title='Studio', delete_cache=(600, CACHED_SECONDS)) as self._blocks:
            self._made = gradio.State(time_to_live=CACHED_SECONDS)
            self._judged = gradio.State(time_to_live=CACHED_SECONDS)
            with gradio.Row(equal_height=True):
                self._title = self._with_words(gradio.Markdown, {'value': 'title'})
                self._language = gradio.Radio(
                    [(label, name) for name, label in texts.LANGUAGES.items()], value='en', show_label=False,
                    container=False, elem_id='language', scale=0)
            with gradio.Row():
                with gradio.Column(scale=2, min_width=320):
                    self._draw_inputs()
                with gradio.Column(scale=3, min_width=400):
                    self._draw_results()
            self._connect()

    def _with_words(self, component, keys, **properties):
        """Makes a component some of whose properties are texts: `keys` is property -> key of the texts."""
        made = component(**properties, **_spoken(keys, 'en'))
        self._worded.append((made, keys))
        return made

    def _draw_inputs(self):
        self._portrait = self._with_words(
            gradio.Image, {'label': 'portrait', 'placeholder': 'portrait_place'}, type='filepath', image_mode=None,
            sources=['upload', 'clipboard'], height=280, elem_id='portrait')
        self._looks = self._with_words(
            gradio.Gallery, {'label': 'looks'}, type='filepath', file_types=['image'], columns=4,
            fit_columns=False, height=180, object_fit='cover', interactive=True, elem_id='looks')
        self._model = self._with_words(
            gradio.Dropdown, {'label': 'model'}, choices=list(self._shop.sources), value=self._shop.default,
            elem_id='model')
        self._about = gradio.Markdown(elem_id='about')
        self._strength = self._with_words(
            gradio.Slider, {'label': 'strength', 'info': 'strength_info'}, minimum=0, maximum=1, step=0.05, value=1,
            elem_id='strength')
        with self._with_words(gradio.Accordion, {'label': 'more'}, open=False, elem_id='more'):
            self._side = self._with_words(gradio.Radio, {'label': 'side', 'info': 'side_info', 'choices': 'sides'},
                                          value='1024')
            self._keep_colors = self._with_words(gradio.Radio, {'label': 'keep_colors', 'choices': 'colors'},
                                                 value='none')
            self._shares = self._with_words(gradio.Textbox, {'label': 'shares', 'info': 'shares_info'}, max_length=200)
            # An empty number comes back from the browser as 0, so 0 stands for none.
            self._seed = self._with_words(gradio.Number, {'label': 'seed', 'info': 'seed_info'}, precision=0, minimum=0,
                                          value=0)
            self._own = {
                name: self._with_words(gradio.Slider, {'label': name, 'info': f'{name}_info'}, minimum=0, maximum=most,
                                       step=0.05, value=default, visible=False, elem_id=name)
                for name, (most, default) in OWN_SLIDERS.items()}
            self._own['variation'] = self._with_words(
                gradio.Number, {'label': 'variation', 'info': 'variation_info'}, precision=0, minimum=0, value=0,
                visible=False, elem_id='variation')
            self._direction = self._with_words(gradio.Radio, {'label': 'direction', 'choices': 'directions'},
                                               value='forward', visible=False)
            self._mask = self._with_words(
                gradio.Image, {'label': 'mask', 'placeholder': 'mask_place'}, type='filepath', image_mode=None,
                sources=['upload'], height=160, elem_id='mask')
        self._make = self._with_words(gradio.Button, {'value': 'make'}, variant='primary', elem_id='make')

    def _draw_results(self):
        self._result = self._with_words(gradio.ImageSlider, {'label': 'result'}, interactive=False, max_height=640,
                                        buttons=['fullscreen'], elem_id='result')
        self._status = gradio.Markdown(elem_id='status')
        with gradio.Row():
            self._download = self._with_words(gradio.DownloadButton, {'label': 'download'}, interactive=False,
                                              elem_id='download')
            self._download_table = self._with_words(gradio.DownloadButton, {'label': 'download_lut'}, visible=False,
                                                    elem_id='download_table')
            self._judge = self._with_words(gradio.Button, {'value': 'judge'}, interactive=False, elem_id='judge')
        self._verdict = gradio.Markdown(elem_id='verdict', visible=False)
        self._damage = self._with_words(gradio.Image, {'label': 'judged'}, type='filepath', interactive=False,
                                        buttons=['fullscreen'], visible=False, elem_id='damage')

    def _connect(self):
        heard = [self._language, self._model, self._made, self._judged]
        told = [*(component for component, _ in self._worded), self._about, self._status, self._verdict]
        self._blocks.load(self._greet, None, [self._language], api_visibility='private').then(
            self._speak, heard, told, show_progress='hidden', api_visibility='private').then(
            None, [self._language], None, js=_SWITCH, api_visibility='private')
        self._language.input(self._speak, heard, told, show_progress='hidden', api_visibility='private')
        self._language.input(None, [self._language], None, js=_SWITCH, api_visibility='private')
        self._model.input(
            self._choose, [self._model, self._language], [self._about, self._looks], show_progress='hidden',
            api_visibility='private').then(
            self._tune, [self._model, self._language],
            [self._about, self._seed, self._direction, *self._own.values()],
            show_progress='hidden', trigger_mode='always_last', api_visibility='private')
        # Raw values: Gradio would open the pictures itself, and its complaints about a bad one are in its own words.
        self._make.click(
            self._make_it,
            [self._portrait, self._looks, self._model, self._strength, self._side, self._keep_colors, self._shares,
             self._mask, self._seed, self._direction, self._language, *self._own.values()],
            [self._made, self._judged, self._result, self._status, self._download, self._download_table,
             self._judge, self._verdict, self._damage],
            preprocess=False, show_progress_on=[self._result], concurrency_id='models', concurrency_limit=1,
            api_name='make')
        self._judge.click(
            self._judge_it, [self._made, self._language], [self._judged, self._verdict, self._damage],
            show_progress_on=[self._status], concurrency_id='models', api_visibility='private')

    def open(self, *, host, port, max_upload_bytes):
        """Serves the page from threads of this process and returns."""
        # The fonts of the machine: Gradio's themes may name some that a browser would fetch.
        fonts = ('system-ui', 'Noto Sans CJK SC', 'Microsoft YaHei', 'sans-serif')
        theme = gradio.themes.Default(primary_hue='indigo', font=fonts, font_mono=('ui-monospace', 'monospace'))
        self._blocks.queue(max_size=32).launch(
            server_name=host, server_port=port, share=False, quiet=True, prevent_thread_lock=True, inbrowser=False,
            max_file_size=max_upload_bytes, theme=theme, css=_STYLES, footer_links=[], ssr_mode=False, pwa=False,
            mcp_server=False, run_history=False, enable_monitoring=False, state_session_capacity=100)

    def close(self):
        """Ends the serving."""
        self._blocks.close(verbose=False)

    def _greet(self, request: gradio.Request):
        return texts.preferred(request.headers.get('accept-language'))

    def _speak(self, language, model, made, judged):
        words = texts.TEXTS[language]
        return [*(gradio.update(**_spoken(keys, language)) for _, keys in self._worded), self._told_of(model, language),
                words['waiting'] if made is None else _facts(made, words),
                '' if judged is None else _in_words(judged, words)]

    def _told_of(self, model, language, purpose=None):
        words = texts.TEXTS[language]
        takes = 'takes_look' if self._shop.takes_style(model) else 'takes_no_look'
        purpose = words['purposes'].get(model) or purpose or self._shop.purposes.get(model)
        return f'{purpose} — {words[takes]}' if purpose else words[takes]

    def _choose(self, model, language):
        return self._told_of(model, language), gradio.update(visible=self._shop.takes_style(model))

    def _tune(self, model, language):
        """Loads the model, which is then ready, and shows the dials that it has."""
        with _shown(language):
            dials = self._shop.dials(model)
        return (self._told_of(model, language, dials.purpose), gradio.update(visible=dials.can_imagine),
                gradio.update(visible=dials.has_directions, value='forward'),
                *(gradio.update(visible=name in dials.own) for name in self._own))

    def _make_it(self, portrait, looks, model, strength, side, keep_colors, shares, mask, seed, direction, language,
                 progress=gradio.Progress(), *own):  # noqa: B008, how Gradio is asked for one
        words = texts.TEXTS[_known(language)]
        progress(0, desc=words['loading'].format(name=model))
        with _shown(language):
            made = self._shop.make(
                workshop.Request(_path(portrait), tuple(_path(look['image']) for look in looks or ()), model,
                                 float(strength), int(side), keep_colors, shares or '', _path(mask),
                                 int(seed) if seed else None, direction, _dials(dict(zip(self._own, own)))),
                tell=lambda share: progress(share, desc=words['working']))
        return (made, None, (str(made.before), str(made.after)), _facts(made, words),
                gradio.update(value=str(made.result), interactive=True),
                gradio.update(value=made.table and str(made.table), visible=made.table is not None),
                gradio.update(interactive=True),
                gradio.update(value='', visible=False), gradio.update(visible=False))

    def _judge_it(self, made, language, progress=gradio.Progress()):  # noqa: B008
        words = texts.TEXTS[language]
        progress(0, desc=words['judging'])
        with _shown(language):
            verdict = self._shop.judge(made)
        return (verdict, gradio.update(value=_in_words(verdict, words), visible=True),
                gradio.update(value=str(verdict.overlay), visible=True))


class _shown:  # noqa: N801, reads as a statement
    """Turns what the user can put right into a message on the page."""

    def __init__(self, language):
        self._language = _known(language)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if isinstance(error, workshop.StudioError):
            raise gradio.Error(error.text(self._language), title=texts.TEXTS[self._language]['error'], duration=None,
                               print_exception=False) from error


def _facts(made, words):
    facts = words['made'].format(name=made.request.model, strength=made.request.strength, width=made.size[1],
                                 height=made.size[0], seconds=made.seconds)
    return facts + (words['held'].format(count=made.held) if made.held else '')


def _in_words(verdict, words):
    if not verdict.is_calibrated:
        said = words['uncalibrated']
    elif not verdict.is_anomalous:
        said = words['nothing_found'].format(share=verdict.p_value)
    elif verdict.named:
        said = words['found'].format(defects=', '.join(words['defects'].get(name, name.replace('_', ' '))
                                                       for name in verdict.named))
    else:
        said = words['found_unnamed']
    return words['score'].format(score=verdict.score, p_value=verdict.p_value, verdict=said)


def _spoken(keys, language):
    """Properties of a component in a language, from the keys of their texts."""
    words = texts.TEXTS[language]
    return {name: [(label, value) for value, label in words[key].items()] if isinstance(words[key], dict)
            else words[key] for name, key in keys.items()}


def _dials(values):
    return {**values, 'variation': int(values['variation']) if values['variation'] else None}


def _known(language):
    return language if language in texts.LANGUAGES else 'en'


def _path(upload):
    """The file of an upload as Gradio hands it over; it has made sure that it is one of its own uploads."""
    return pathlib.Path(upload['path']) if upload and upload.get('path') else None
