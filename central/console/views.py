"""The console's pages: parse, permit, ask the domains, render."""

from __future__ import annotations

from flask import Blueprint, Flask, abort, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from central.console import (
    acceptance,
    alarm,
    alarms,
    batch_packages,
    board,
    calendar,
    frame,
    language,
    line_people,
    patrol,
    plans,
    room_limits,
    room_preservation,
    room_reports,
    rooms,
    search,
    sensors,
    shapes,
    volumes,
    words,
    works,
    yields,
)
from central.console.access import access
from central.console.facts import Facts
from central.people import rights, users
from central.store.engine import writing
from central.web.guards import safe_next
from central.web.state import engine

SHOW_REVIEWS = ("waiting", "escalated", "closed")
COOKIE_S = language.YEAR_S


def _show(allowed: tuple[str, ...]) -> str:
    wish = request.args.get("show", allowed[0])
    return wish if wish in allowed else allowed[0]


def _cursor() -> str | None:
    return request.args.get("cursor") or None


class Pages(Blueprint):
    """The blueprint, whose built files may be kept for a year: their names change with their content."""

    def get_send_file_max_age(self, filename: str | None) -> int | None:
        """Seconds that a file may be kept."""
        built = filename is not None and filename.startswith("dist/") and not filename.endswith(".json")
        return language.YEAR_S if built else super().get_send_file_max_age(filename)


def blueprint(facts: Facts) -> Blueprint:
    """Every page of the console."""
    made = Pages("console", __name__, template_folder="templates", static_folder="static", static_url_path="/assets")

    @made.before_request
    def mark() -> None:
        if request.endpoint != "console.static":
            frame.live_from()

    @made.get("/")
    @access(rights.SIGNED_IN)
    def home() -> Response:
        return redirect(url_for(frame.home_of(current_user.roles)))

    @made.post("/language")
    @access(rights.PUBLIC)
    def set_language() -> Response:
        wish = request.form.get("language", "")
        answer = redirect(safe_next(request.form.get("next")) or "/", 303)
        if wish in language.LANGUAGES:
            if current_user.is_authenticated:
                with writing(engine()) as connection:
                    users.set_lang(connection, user_id=current_user.id, lang=wish)
            answer.set_cookie(language.LANGUAGE_COOKIE, wish, max_age=COOKIE_S, samesite="Lax", secure=request.is_secure, httponly=True)
        return answer

    @made.get("/overview")
    @access(rights.SIGNED_IN)
    def overview() -> str:
        return render_template("console/overview.html", cards=shapes.overview(facts, current_user))

    @made.get("/line")
    @access("stations.read")
    def line() -> str:
        return render_template("console/line.html", benches=facts.benches(), purpose="line")

    @made.get("/batches")
    @access("digitization.read")
    def batches() -> str:
        items, following = facts.batches(cursor=_cursor())
        waiting = sum(item["state"] == "closed" for item in items)
        return render_template("console/batches.html", batches=items, next=following, waiting=waiting)

    @made.get("/batches/<batch_id>")
    @access("digitization.read")
    def batch(batch_id: str) -> str:
        found = facts.batch(batch_id) or abort(404)
        pages = facts.pages(batch_id)
        wish = request.args.get("page")
        at = next((i for i, page in enumerate(pages) if page["id"] == wish), None)
        if wish is not None and at is None:
            abort(404)
        page = None if at is None else pages[at]
        counting = [one for one in pages if not one["replaced"]]
        return render_template(
            "console/batch.html",
            batch=found,
            pages=pages,
            page=page,
            before=pages[at - 1] if at else None,
            after=pages[at + 1] if at is not None and at + 1 < len(pages) else None,
            chain=shapes.chain(facts.provenance(page["id"]), page) if page else [],
            purpose="acceptance" if current_user.may("batches.judge") else "line",
            **{verdict: sum(one["verdict"] == verdict for one in counting) for verdict in words.VERDICT},
        )

    @made.get("/security")
    @access("security.read")
    def security() -> str:
        show = _show(SHOW_REVIEWS)
        queue, following = facts.reviews(show=show, cursor=_cursor())
        asked = request.args.get("event")
        chosen = facts.review(asked) if asked else facts.review(queue[0]["id"]) if queue else None
        if asked and chosen is None:
            abort(404)
        ids = [review["id"] for review in queue]
        at = ids.index(chosen["id"]) if chosen and chosen["id"] in ids else None
        return render_template(
            "console/security.html",
            show=show,
            reviews=queue,
            next=following,
            chosen=chosen,
            asked=asked,
            next_id=ids[at + 1] if at is not None and at + 1 < len(ids) else None,
            previous_id=ids[at - 1] if at else None,
            verdicts=list(words.REVIEW_VERDICT.items()),
            causes=list(words.CAUSE.items()),
            purpose="review",
        )

    @made.get("/ledger")
    @access("ledger.read")
    def ledger() -> str:
        items, following = facts.ledger(cursor=_cursor())
        return render_template("console/ledger.html", entries=items, next=following, checkpoint=facts.checkpoint())

    @made.get("/agents")
    @access("agents.read")
    def agents() -> str:
        return render_template("console/agents.html", agents=facts.agents())

    acceptance.routes(made, facts)
    rooms.routes(made, facts)
    for pages in (alarms, alarm, works, calendar, line_people, patrol):
        pages.routes(made, facts)
    plans.routes(made, facts)
    room_preservation.routes(made, facts)
    room_limits.routes(made, facts)
    sensors.routes(made, facts)
    room_reports.routes(made, facts)
    for pages in (board, volumes, yields):
        pages.routes(made, facts)
    search.routes(made, facts)
    batch_packages.routes(made, facts)
    return made


def install(app: Flask, facts: Facts | None = None) -> None:
    """Give the app the console: pages, templates with their filters, translations."""
    if facts is None:
        from central.console.domains import DomainFacts

        facts = DomainFacts()
    language.install(app)
    frame.install(app, facts)
    app.register_blueprint(blueprint(facts))
