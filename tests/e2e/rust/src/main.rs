//! tokio-postgres and sqlx, used as their documents say. Prints what they saw as JSON;
//! what must hold of it is said in `drivers/test_rust.py`.

use futures_util::{StreamExt, TryStreamExt};
use serde_json::{Value, json};
use sqlx::{Connection, Row};
use std::error::Error;
use tokio_postgres::NoTls;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const CUSTOMERS: &str = "select id, email, city from public.customers order by id";
const SEEN: &str = "select id, email, city from public.customers where id >= $1 order by id";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let url = std::env::args().nth(1).ok_or("the URL of the database")?;
    let seen = json!({ "tokioPostgres": tokio_postgres_sees(&url).await?, "sqlx": sqlx_sees(&url).await? });
    println!("{seen}");
    Ok(())
}

async fn tokio_postgres_sees(url: &str) -> Result<Value> {
    let (mut client, connection) = tokio_postgres::connect(url, NoTls).await?;
    let running = tokio::spawn(connection);
    let row = |row: &tokio_postgres::Row| {
        json!([row.get::<_, i32>(0), row.get::<_, Option<String>>(1), row.get::<_, String>(2),])
    };
    let binary: Vec<_> = client.query(SEEN, &[&1]).await?.iter().map(row).collect();
    let prepared = client.prepare(SEEN).await?;
    // Several requests on the way at once.
    let (one, two) = futures_util::future::try_join(
        client.query(&prepared, &[&1]),
        client.query(&prepared, &[&2]),
    )
    .await?;
    let text: Vec<Vec<Option<String>>> = client
        .simple_query(CUSTOMERS)
        .await?
        .iter()
        .filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect())
            }
            _ => None,
        })
        .collect();
    let copy = client.copy_out(&format!("copy ({CUSTOMERS}) to stdout")).await?;
    let copied = copy.map_ok(|bytes| bytes.to_vec()).try_concat().await?;
    let refused = error(client.batch_execute("drop table orders").await.unwrap_err());

    let transaction = client.transaction().await?;
    let inside = error(transaction.execute("drop table orders", &[]).await.unwrap_err());
    let after = error(transaction.query("select 1", &[]).await.unwrap_err());
    transaction.rollback().await?;

    let token = client.cancel_token();
    let slow = "select count(*) from generate_series(1, 1000000) a, generate_series(1, 1000000) b";
    // A cancel request that comes before the query has begun is void, so it is repeated.
    let cancel = async {
        let mut tick = tokio::time::interval(std::time::Duration::from_millis(50));
        loop {
            tick.tick().await;
            if let Err(error) = token.cancel_query(NoTls).await {
                break error;
            }
        }
    };
    let cancelled = tokio::select! {
        ended = client.simple_query(slow) => ended,
        error = cancel => return Err(error.into()),
    };
    let sum: i64 = {
        let rows = client.query_raw("select generate_series(1, 100000)::int8", NOTHING).await?;
        let mut rows = std::pin::pin!(rows);
        let mut sum = 0;
        while let Some(row) = rows.next().await {
            sum += row?.get::<_, i64>(0);
        }
        sum
    };
    drop(client);
    running.await??;
    Ok(json!({
        "binary": binary, "pipelined": [one.iter().map(row).collect::<Vec<_>>(), two.iter().map(row).collect::<Vec<_>>()],
        "text": text, "copied": String::from_utf8(copied)?, "refused": refused, "inside": inside,
        "after": after, "cancelled": error(cancelled.unwrap_err()), "sum": sum,
    }))
}

const NOTHING: [i32; 0] = [];

fn error(error: tokio_postgres::Error) -> Value {
    match error.as_db_error() {
        Some(db) => json!({"sqlstate": db.code().code(), "detail": db.detail(), "hint": db.hint()}),
        None => json!({"other": error.to_string()}),
    }
}

async fn sqlx_sees(url: &str) -> Result<Value> {
    let mut connection = sqlx::postgres::PgConnection::connect(url).await?;
    let rows = sqlx::query(SEEN).bind(1).fetch_all(&mut connection).await?;
    let seen: Vec<_> = rows
        .iter()
        .map(|row| {
            json!([row.get::<i32, _>(0), row.get::<Option<String>, _>(1), row.get::<String, _>(2),])
        })
        .collect();
    let refused = sqlx::query("drop table orders").execute(&mut connection).await;
    let refused = sqlx_error(refused.unwrap_err());
    let mut transaction = connection.begin().await?;
    let inside = sqlx::query("drop table orders").execute(&mut *transaction).await;
    let inside = sqlx_error(inside.unwrap_err());
    transaction.rollback().await?;
    let usable: i32 = sqlx::query_scalar("select 5").fetch_one(&mut connection).await?;
    let sum: i64 = sqlx::query("select generate_series(1, 100000)::int8")
        .fetch(&mut connection)
        .try_fold(0, |sum, row| async move { Ok(sum + row.get::<i64, _>(0)) })
        .await?;
    connection.close().await?;
    Ok(json!({"binary": seen, "refused": refused, "inside": inside, "usable": usable, "sum": sum}))
}

fn sqlx_error(error: sqlx::Error) -> Value {
    match error.as_database_error() {
        Some(db) => {
            let db = db.downcast_ref::<sqlx::postgres::PgDatabaseError>();
            json!({"sqlstate": db.code(), "detail": db.detail(), "hint": db.hint()})
        }
        None => json!({"other": error.to_string()}),
    }
}
