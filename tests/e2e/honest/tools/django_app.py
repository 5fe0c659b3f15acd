"""Django as its tutorial uses it: migrate, create, save whole rows, inspect."""

import io

import django
from django.conf import settings
from django.core.management import call_command
from steps import SETTINGS, run

settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": SETTINGS["database"],
            "USER": SETTINGS["user"],
            "PASSWORD": SETTINGS["password"],
            "HOST": SETTINGS["host"],
            "PORT": SETTINGS["port"],
        }
    },
    INSTALLED_APPS=[
        "django.contrib.contenttypes",
        "django.contrib.auth",
        "django.contrib.sessions",
        "django.contrib.sites",
    ],
    SITE_ID=1,
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
)
django.setup()

from django.contrib.auth.models import Group, User  # noqa: E402
from django.contrib.sites.models import Site  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.db.models import Count, F  # noqa: E402

sent: list[str] = []


def watched(execute, sql, params, many, context):
    sent.append(sql)
    return execute(sql, params, many, context)


connection.ensure_connection()
connection.execute_wrappers.append(watched)


def create() -> None:
    User.objects.create_user("ada", "zq7marker@leak-q7.example", "pw", first_name="Ada")


def save_whole() -> None:
    user = User.objects.get(username="ada")
    user.last_name = "L"
    user.save()


def save_some() -> None:
    user = User.objects.get(username="ada")
    user.last_name = "M"
    user.save(update_fields=["last_name"])


def locked() -> None:
    with transaction.atomic():
        User.objects.select_for_update().get(username="ada")


def queries() -> None:
    Group.objects.bulk_create([Group(name=f"g{n}") for n in range(5)])
    Group.objects.update_or_create(name="g1", defaults={"name": "h1"})
    Group.objects.filter(name__icontains="g").aggregate(n=Count("id"))
    Group.objects.filter(name="g2").update(name=F("name"))
    Group.objects.filter(name="g3").delete()
    list(Group.objects.order_by("name").values_list("name", flat=True)[:3])


def nested() -> None:
    with transaction.atomic():
        Site.objects.create(domain="a.example", name="a")
        with transaction.atomic():
            Site.objects.create(domain="b.example", name="b")
        transaction.set_rollback(True)


run(
    {
        "migrate": lambda: call_command("migrate", verbosity=0),
        "migrate-again": lambda: call_command("migrate", verbosity=0),
        "show-migrations": lambda: call_command("showmigrations", stdout=io.StringIO()),
        "create": create,
        "save-some": save_some,
        "save-whole": save_whole,
        "lock": locked,
        "queries": queries,
        "nested": nested,
        "inspect": lambda: call_command("inspectdb", stdout=io.StringIO()),
        "flush": lambda: call_command("flush", verbosity=0, interactive=False),
        "migrate-back": lambda: call_command("migrate", "sites", "zero", verbosity=0),
    },
    lambda: sent[-1] if sent else None,
)
