"""Every address of the site."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

from leaderboard.views import board, entries, site, submissions, tokens

# The limits of the site's own sign-in hold here too.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("", board.leaderboard, name="leaderboard"),
    path("activity/", board.activity, name="leaderboard-activity"),
    path("charts/energy.json", board.energy_chart, name="energy-chart"),
    path("entries/<int:pk>/", entries.entry, name="entry"),
    path("compare/", entries.compare, name="compare"),
    path("submit/", submissions.submit, name="submit"),
    path("submissions/<uuid:pk>/", submissions.submission, name="submission"),
    path("submissions/<uuid:pk>/status/", submissions.status, name="submission-status"),
    path("submissions/<uuid:pk>/withdraw/", submissions.withdraw, name="submission-withdraw"),
    path("queue/", submissions.queue, name="queue"),
    path("methodology/", site.methodology, name="methodology"),
    path("accounts/tokens/", tokens.tokens, name="tokens"),
    path("accounts/", include("allauth.urls")),
    path("api/", include("leaderboard.api.urls")),
    path("admin/", admin.site.urls),
    path("healthz", site.healthz, name="healthz"),
    path("readyz", site.readyz, name="readyz"),
    path("metrics", site.metrics, name="metrics"),
    path("robots.txt", site.robots, name="robots"),
]

handler400 = "leaderboard.views.site.bad_request"
