"""Labelled sheets of pictures, for sample grids, sweeps and comparisons. NumPy and Pillow only."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_BACKGROUND = (255, 255, 255)
_INK = (20, 20, 20)
_MARGIN = 6  # pixels around text


def grid(rows, *, row_labels=None, column_labels=None, caption=None, gap=4):
    """Lays pictures out in rows and columns on white, with readable labels.

    Args:
        rows: List of lists of uint8 [H, W, 3] or [H, W] pictures of any sizes; None leaves a
            place blank. Rows may differ in length.
        row_labels: One text a row, drawn left of it; None for no text.
        column_labels: One text a column, drawn above it.
        caption: Text above everything.
        gap: Pixels between pictures.
    Returns:
        uint8 [H, W, 3].
    Raises:
        ValueError: If there is no picture at all, a picture is not uint8, or there are more
            labels than rows or columns.
    """
    rows = [[None if cell is None else _as_rgb(cell) for cell in row] for row in rows]
    column_count = max((len(row) for row in rows), default=0)
    cells = [cell for row in rows for cell in row if cell is not None]
    if not cells:
        raise ValueError('A sheet needs at least one picture. Received none.')
    for labels, count, what in ((row_labels, len(rows), 'rows'),
                                (column_labels, column_count, 'columns')):
        if labels is not None and len(labels) > count:
            raise ValueError(f'Received {len(labels)} labels for {count} {what}.')
    largest = max(cell.shape[1] for cell in cells), max(cell.shape[0] for cell in cells)
    widths = [max((row[c].shape[1] for row in rows if c < len(row) and row[c] is not None),
                  default=largest[0]) for c in range(column_count)]
    heights = [max((cell.shape[0] for cell in row if cell is not None), default=largest[1])
               for row in rows]

    font = ImageFont.load_default(size=int(np.clip(largest[0] / 11, 11, 20)))
    left = _label_column_width(row_labels, font, largest[0])
    total_width = left + sum(widths) + gap * (column_count + 1)
    caption_lines = _wrap(caption, font, total_width - 2 * _MARGIN, 4)
    column_lines = [_wrap(text, font, widths[c] + gap - 2, 2)
                    for c, text in enumerate(column_labels or ())]
    line_height = _line_height(font)
    caption_height = _block_height(len(caption_lines), line_height)
    top = caption_height + _block_height(max(map(len, column_lines), default=0), line_height)

    sheet = Image.new('RGB', (total_width, top + sum(heights) + gap * (len(rows) + 1)),
                      _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    _draw_lines(draw, caption_lines, font, _MARGIN, _MARGIN // 2)
    xs = [left + gap + sum(widths[:c]) + gap * c for c in range(column_count)]
    ys = [top + gap + sum(heights[:r]) + gap * r for r in range(len(rows))]
    for x, width, lines in zip(xs, widths, column_lines, strict=False):
        start = top - line_height * len(lines) - _MARGIN // 2
        _draw_lines(draw, lines, font, x + width / 2, start, anchor='ma')
    for y, height, text in zip(ys, heights, row_labels or (), strict=False):
        lines = _wrap(text, font, left - 2 * _MARGIN, max(1, height // line_height))
        _draw_lines(draw, lines, font, _MARGIN, y + (height - line_height * len(lines)) / 2)
    for y, row in zip(ys, rows, strict=True):
        for x, cell in zip(xs, row, strict=False):
            if cell is not None:
                sheet.paste(Image.fromarray(cell), (x, y))
    return np.array(sheet)


def _as_rgb(cell):
    cell = np.asarray(cell)
    has_shape = cell.ndim == 2 or (cell.ndim == 3 and cell.shape[2] in (1, 3))
    if cell.dtype != np.uint8 or not has_shape:
        raise ValueError('Pictures of a sheet must be uint8 [H, W, 3] or [H, W]. Received: '
                         f'{cell.dtype} {list(cell.shape)}.')
    if cell.ndim == 2:
        cell = cell[:, :, None]
    return np.ascontiguousarray(np.broadcast_to(cell, (*cell.shape[:2], 3)))


def _line_height(font):
    ascent, descent = font.getmetrics()
    return ascent + descent + 2


def _block_height(line_count, line_height):
    return line_count * line_height + _MARGIN if line_count else 0


def _label_column_width(labels, font, cell_width):
    widest = max((font.getlength(str(label)) for label in labels or () if label), default=0)
    return int(min(np.ceil(widest), max(cell_width, 80))) + 2 * _MARGIN if widest else 0


def _wrap(text, font, width, max_lines):
    """Lines of at most `width` pixels; what does not fit into `max_lines` ends in an ellipsis."""
    lines = []
    for paragraph in str(text or '').splitlines():
        line = ''
        for word in paragraph.split():
            longer = f'{line} {word}' if line else word
            if line and font.getlength(longer) > width:
                lines.append(line)
                longer = word
            line = longer
        lines.append(line)
    if len(lines) > max_lines:
        lines = [*lines[:max_lines - 1], ' '.join(lines[max_lines - 1:])]
    return [_shorten(line, font, width) for line in lines]


def _shorten(line, font, width):
    if font.getlength(line) <= width:
        return line
    while line and font.getlength(line + '...') > width:
        line = line[:-1]
    return line.rstrip() + '...'


def _draw_lines(draw, lines, font, x, y, anchor='la'):
    for number, line in enumerate(lines):
        draw.text((x, y + number * _line_height(font)), line, font=font, fill=_INK, anchor=anchor)
