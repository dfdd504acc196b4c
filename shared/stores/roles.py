"""Every role of Headgate in Postgres. Each has its own login but the owner, whom nobody logs in as."""

OWNER, APP, DISPATCHER, METERING = "headgate_owner", "headgate_app", "headgate_dispatcher", "headgate_metering"

#: Those that log in.
LOGINS = (APP, DISPATCHER, METERING)
