"""A subagent: asks the database with plain psycopg, and learns from refusals.

A real one would let a language model write the statements. Here they are a fixed plan whose
first ideas are bad: each refusal comes back as an ordinary error whose DETAIL names the rule
and whose HINT says what to do instead, which is what a model needs to correct itself.
"""

import os
import sys

import psycopg

# The ideas of a careless model, from the worst to a good one.
IDEAS = (
    "create table porto as select full_name, email, phone from customers where city = 'Porto'",
    "select full_name, email, phone from customers where email like '%@example.com' order by email",
    "select id, full_name, email, phone from customers where city = 'Porto' order by id limit 5",
)


def connect() -> psycopg.Connection:
    """The token is the password; everything else is an ordinary connection."""
    return psycopg.connect(
        host=os.environ.get("PGHOST", "127.0.0.1"),
        port=os.environ.get("PGPORT", "15432"),
        dbname=os.environ.get("PGDATABASE", "shop"),
        user="sql-agent",
        password=os.environ["PGPASSWORD"],
        application_name="examples/subagent.py",
        # An agent should not hang for minutes because a person is asked: it gets the
        # review's id at once, and can come back later.
        options="-c portreeve.review=refuse",
        autocommit=True,
    )


def attempt(connection: psycopg.Connection, statement: str) -> list[tuple] | None:
    """Runs one statement; prints what a model would read if it is refused."""
    print(f"subagent: I try: {statement}")
    try:
        return connection.execute(statement).fetchall()
    except psycopg.Error as error:
        refused = isinstance(error, psycopg.errors.InsufficientPrivilege)
        print(f"subagent: {'refused' if refused else 'error'}: {error.diag.message_primary}")
        print(f"subagent:   detail: {error.diag.message_detail}")
        print(f"subagent:   hint:   {error.diag.message_hint}")
        return None


def main() -> None:
    print(f"subagent: my task is: {' '.join(sys.argv[1:])}")
    with connect() as connection:
        for statement in IDEAS:
            rows = attempt(connection, statement)
            if rows is not None:
                print(f"subagent: {len(rows)} rows, with personal data masked:")
                for row in rows:
                    print("subagent:  ", *row, sep="  ")
                return
    sys.exit("subagent: no idea worked")


if __name__ == "__main__":
    main()
