"""Structured logs: one JSON object a line, for people with jq and for log collectors."""

import contextvars
import json
import logging
import sys
import time

# Set for the length of a request, so that every line it causes can be found by it.
request_id = contextvars.ContextVar('request_id', default=None)
_OWN = 'stylegan_serving.competition'
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {'message', 'asctime', 'taskName'}


class JsonFormatter(logging.Formatter):
    """Renders a record as one line of JSON: time, level, logger, message, request, `extra` fields, traceback."""

    def format(self, record):
        line = {'time': _time(record.created), 'level': record.levelname.lower(), 'logger': record.name,
                'message': record.getMessage()}
        if (current := request_id.get()) is not None:
            line['request'] = current
        line.update({name: value for name, value in vars(record).items() if name not in _STANDARD})
        if record.exc_info:
            line['traceback'] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def configure(level='info', stream=None):
    """Sends the platform's and uvicorn's log lines to `stream` (stdout) as JSON.

    Args:
        level: 'debug', 'info', 'warning' or 'error'.
        stream: A text file; stdout if None.
    """
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(JsonFormatter())
    for name in (_OWN, 'uvicorn', 'uvicorn.error', 'alembic'):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(level.upper())
    # One line a request is written by middleware.RequestLog, which knows the route and the user.
    logging.getLogger('uvicorn.access').handlers = []
    logging.getLogger('uvicorn.access').propagate = False


def _time(seconds):
    return time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds)) + f'.{int(seconds % 1 * 1000):03d}Z'
