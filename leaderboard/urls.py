"""Every address of the site."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

from leaderboard.views import (
    artifacts,
    board,
    cards,
    compare,
    documentation,
    entries,
    findings,
    hardware,
    measurements,
    monitoring,
    notices,
    own,
    queue,
    runs,
    site,
    spending,
    submissions,
    submitting,
    tokens,
)

# The limits of the site's own sign-in hold here too.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]  # allauth's documentation does so

urlpatterns = [
    path("", board.leaderboard, name="leaderboard"),
    path("activity/", board.activity, name="leaderboard-activity"),
    path("entries/<int:pk>/", entries.entry, name="entry"),
    path("entries/<int:pk>/recipe.yaml", entries.recipe, name="entry-recipe"),
    path("entries/<int:pk>/power.json", entries.power_over_time, name="entry-power"),
    path("entries/<int:pk>/card.png", cards.entry_card, name="entry-card"),
    path("compare/", compare.compare, name="compare"),
    path("compare/card.png", cards.compare_card, name="compare-card"),
    path("runs/compare/", runs.compare, name="runs-compare"),
    path("runs/<int:pk>/power.json", runs.power_over_time, name="run-power"),
    path("models/", hardware.models, name="models"),
    path("hardware/", hardware.across, name="across"),
    path("card.png", cards.board_card, name="card"),
    path("submit/", submitting.submit, name="submit"),
    path("submit/check/", submitting.check, name="submit-check"),
    path("submit/draft/", submitting.draft, name="submit-draft"),
    path("submissions/<uuid:pk>/", submissions.submission, name="submission"),
    path("submissions/<uuid:pk>/status/", submissions.status, name="submission-status"),
    path("submissions/", own.own_submissions, name="own-submissions"),
    path("submissions/<uuid:pk>/withdraw/", own.withdraw, name="submission-withdraw"),
    path("submissions/<uuid:pk>/restore/", own.restore, name="submission-restore"),
    path("submissions/<uuid:pk>/names/", own.names, name="submission-names"),
    path("artifacts/", artifacts.artifacts, name="artifacts"),
    path("measurements/", measurements.measurements, name="measurements"),
    path("queue/", queue.queue, name="queue"),
    path("spending/", spending.spending, name="spending"),
    path("findings/", findings.findings, name="findings"),
    path("methodology/", site.methodology, name="methodology"),
    path("docs/", documentation.contents, name="documentation"),
    path("docs/<slug:name>/", documentation.page, name="documentation-page"),
    path("docs/<slug:name>.ipynb", documentation.notebook, name="documentation-notebook"),
    path("about/", site.about, name="about"),
    path("accounts/tokens/", tokens.tokens, name="tokens"),
    path("accounts/notices/", notices.notices, name="notices"),
    path("accounts/webhooks/<int:pk>/", notices.webhook, name="webhook"),
    path("accounts/unsubscribe/<str:signed>/", notices.unsubscribe, name="unsubscribe"),
    path("accounts/", include("allauth.urls")),
    path("api/", include("leaderboard.api.urls")),
    path("admin/", admin.site.urls),
    path("healthz", monitoring.healthz, name="healthz"),
    path("readyz", monitoring.readyz, name="readyz"),
    path("metrics", monitoring.metrics, name="metrics"),
    path("favicon.ico", site.favicon, name="favicon"),
    path("robots.txt", site.robots, name="robots"),
]

handler400 = "leaderboard.views.site.bad_request"
handler500 = "leaderboard.views.unavailable.server_error"
