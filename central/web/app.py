"""Puts the web application together: identity, guards, every domain's blueprint, headers, limits."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from flask import Flask
from flask_wtf.csrf import CSRFProtect

from central import uploads
from central.config import CentralConfig
from central.digitization import api as digitization
from central.digitization.acceptance import api as acceptance
from central.digitization.packages import api as packages
from central.digitization.people import api as bench_people
from central.digitization.process import api as process
from central.digitization.recognition import api as recognition
from central.environment import api as environment
from central.environment.instruments import api as instruments
from central.environment.limits import api as limits
from central.environment.metrics import api as preservation
from central.environment.patrols import api as patrols
from central.environment.plans import api as plans
from central.environment.reports import api as reports
from central.environment.works import api as works
from central.health import api as agents
from central.ledger import api as ledger
from central.live import LiveHub
from central.objects import ObjectStore
from central.people import api as people
from central.people import auth, identity
from central.security import api as security
from central.store.engine import open_engine
from central.store.migrate import is_current
from central.tables import load_tables
from central.web import guards, headers, health, live, openapi, problems, secret
from central.web.blocking import blocking
from central.web.state import State, put

BODY_BYTES_MAX = 64 * 1024  # of everything but uploads, which bound themselves
FORM_PARTS_MAX = 100
MB = 1024 * 1024
SESSION_COOKIE = "muniment"


class NotMigrated(RuntimeError):
    """The database has not the newest schema."""


def build(config: CentralConfig) -> Flask:
    """The application; it opens the database, makes the session secret if there is none, and refuses routes without a right."""
    app = Flask("central.web", static_folder=None)
    https = config.web.public_url.startswith("https://")
    app.config.update(
        SECRET_KEY=secret.load_or_make(config.session_secret_file),
        MAX_CONTENT_LENGTH=BODY_BYTES_MAX,
        MAX_FORM_MEMORY_SIZE=BODY_BYTES_MAX,
        MAX_FORM_PARTS=FORM_PARTS_MAX,
        PROPAGATE_EXCEPTIONS=False,
        SESSION_COOKIE_NAME=SESSION_COOKIE,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=https,
        WTF_CSRF_CHECK_DEFAULT=False,  # the guard asks, and only where a cookie or a form could be forged
        WTF_CSRF_TIME_LIMIT=None,  # the token lives as long as its session
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    load_tables()
    engine = open_engine(config.database)
    if not is_current(engine):
        engine.dispose()
        raise NotMigrated(f"{config.database}: run `muniment-central migrate` first")
    store = ObjectStore(config.objects, engine, upload_bytes=config.limits.upload_mb * MB, blocking=blocking)
    put(app.extensions, State(config=config, engine=engine, live=LiveHub(engine), objects=store))

    problems.install(app)
    headers.install(app, https=https)
    csrf = CSRFProtect()
    csrf.init_app(app)
    limiter = auth.limiter_for(app)
    identity.install(app, engine)
    guards.install(app, csrf)
    for blueprint in (
        health.blueprint(),
        openapi.blueprint(),
        auth.pages(limiter),
        auth.api(limiter),
        people.blueprint(),
        environment.blueprint(),
        plans.blueprint(),
        reports.blueprint(),
        works.blueprint(),
        patrols.blueprint(),
        limits.blueprint(),
        instruments.blueprint(),
        preservation.blueprint(),
        security.blueprint(),
        digitization.blueprint(),
        process.blueprint(),
        bench_people.blueprint(),
        recognition.blueprint(),
        acceptance.blueprint(),
        packages.blueprint(),
        ledger.blueprint(),
        agents.blueprint(),
        uploads.blueprint(),
        live.blueprint(),
    ):
        app.register_blueprint(blueprint)
    if find_spec("central.console.views"):
        import_module("central.console.views").install(app)
    guards.check_declared(app)
    return app
