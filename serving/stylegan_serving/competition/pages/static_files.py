"""The style sheet, the scripts and the icon, which browsers keep for as long as their addresses stay."""

from starlette import staticfiles

from stylegan_serving.competition.pages import rendering

_YEAR_SECONDS = 365 * 86_400


class StaticFiles(staticfiles.StaticFiles):
    """Files of static/; an address with `?v=` never has another content."""

    def __init__(self):
        super().__init__(directory=rendering.STATIC_FOLDER)

    def file_response(self, full_path, stat_result, scope, status_code=200):
        response = super().file_response(full_path, stat_result, scope, status_code)
        is_versioned = scope.get('query_string', b'').startswith(b'v=')
        response.headers['Cache-Control'] = f'public, max-age={_YEAR_SECONDS if is_versioned else 300}'
        return response
