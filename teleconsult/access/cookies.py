"""The session's cookie: HttpOnly, SameSite=Lax, under TLS Secure and bound to this very host."""

from aiohttp import web

from teleconsult.access.service import HOST_SESSION_COOKIE, SESSION_COOKIE
from teleconsult.access.sessions import NewSession
from teleconsult.http.i18n import LANGUAGE_COOKIE, LANGUAGES
from teleconsult.http.origin import is_secure

_YEAR_S = 365 * 24 * 3600


def set_session(request: web.Request, response: web.StreamResponse, session: NewSession) -> None:
    """Log a browser in. The cookie ends with the browser; the server ends the session."""
    secure = is_secure(request)
    name = HOST_SESSION_COOKIE if secure else SESSION_COOKIE
    response.set_cookie(name, session.secret, path="/", httponly=True, samesite="Lax", secure=secure)
    set_language(request, response, session.user.language)


def set_patient_session(request: web.Request, response: web.StreamResponse, secret: str) -> None:
    """Let a patient's browser in. Whoever was logged in with it before is not any more."""
    secure = is_secure(request)
    name = HOST_SESSION_COOKIE if secure else SESSION_COOKIE
    response.set_cookie(name, secret, path="/", httponly=True, samesite="Lax", secure=secure)


def clear_session(request: web.Request, response: web.StreamResponse) -> None:
    """Log a browser out, and let it forget what it kept."""
    for name in (SESSION_COOKIE, HOST_SESSION_COOKIE):
        response.del_cookie(name, path="/", httponly=True, samesite="Lax", secure=is_secure(request))
    response.headers["Clear-Site-Data"] = '"cache", "storage"'


def set_language(request: web.Request, response: web.StreamResponse, language: str) -> None:
    """Remember a language in this browser."""
    if language in LANGUAGES:
        response.set_cookie(
            LANGUAGE_COOKIE, language, max_age=_YEAR_S, path="/", samesite="Lax", secure=is_secure(request)
        )
