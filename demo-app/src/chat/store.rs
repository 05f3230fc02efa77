//! Members and messages in SQLite. Knows nothing of sockets.

use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};
use uuid::Uuid;

use super::model::ChatMessage;
use crate::auth::UserId;
use crate::clock;

/// The rooms as they are stored: who may write to them, and what was written.
#[derive(Clone, Debug)]
pub(crate) struct MessageStore {
    database: SqlitePool,
}

/// A message on its way into the store.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draft<'a> {
    pub(super) room_id: &'a str,
    pub(super) sender: UserId,
    pub(super) content: &'a str,
    /// The sender's own name for the message.
    pub(super) client_id: Option<&'a str>,
}

/// What became of a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Appended {
    /// It is stored now.
    New(ChatMessage),
    /// It had been stored before, under the same name: this is that one.
    Known(ChatMessage),
    /// Its sender is not a member of the room.
    NotAMember,
}

impl MessageStore {
    /// A store on a database whose tables are up to date.
    pub(crate) fn new(database: SqlitePool) -> Self {
        Self { database }
    }

    /// Makes a user a member. False if it was one.
    pub(super) async fn join(&self, room_id: &str, user: UserId) -> Result<bool, sqlx::Error> {
        let result = sqlx::query(
            "INSERT INTO members (room_id, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        )
        .bind(room_id)
        .bind(user)
        .execute(&self.database)
        .await?;
        Ok(result.rows_affected() > 0)
    }

    /// Ends a membership. False if there was none.
    pub(super) async fn leave(&self, room_id: &str, user: UserId) -> Result<bool, sqlx::Error> {
        let result = sqlx::query("DELETE FROM members WHERE room_id = $1 AND user_id = $2")
            .bind(room_id)
            .bind(user)
            .execute(&self.database)
            .await?;
        Ok(result.rows_affected() > 0)
    }

    /// Stores a message of a member, once.
    pub(super) async fn append(&self, draft: Draft<'_>) -> Result<Appended, sqlx::Error> {
        let mut transaction = self.begin_write().await?;
        if !is_member(&mut transaction, draft.room_id, draft.sender).await? {
            return Ok(Appended::NotAMember);
        }
        if let Some(message) = known(&mut transaction, draft).await? {
            return Ok(Appended::Known(message));
        }
        // Named inside the transaction: ids sort in the order in which messages became visible.
        let message = ChatMessage {
            id: Uuid::now_v7().to_string(),
            room_id: draft.room_id.to_owned(),
            content: draft.content.to_owned(),
            sender_id: draft.sender,
            created_at: clock::now(),
        };
        sqlx::query(
            "INSERT INTO messages (id, room_id, sender_id, content, created_at, client_id) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(&message.id)
        .bind(&message.room_id)
        .bind(message.sender_id)
        .bind(&message.content)
        .bind(&message.created_at)
        .bind(draft.client_id)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(Appended::New(message))
    }

    /// Messages of a room for one of its members, oldest first: the first `limit` after the one named,
    /// or the newest `limit`. `None` if the user is not a member.
    pub(super) async fn history(
        &self,
        room_id: &str,
        reader: UserId,
        after: Option<Uuid>,
        limit: i64,
    ) -> Result<Option<Vec<ChatMessage>>, sqlx::Error> {
        let mut transaction = self.database.begin().await?;
        if !is_member(&mut transaction, room_id, reader).await? {
            return Ok(None);
        }
        let messages =
            match after {
                Some(after) => sqlx::query_as(
                    "SELECT * FROM messages WHERE room_id = $1 AND id > $2 ORDER BY id LIMIT $3",
                )
                .bind(room_id)
                .bind(after.to_string())
                .bind(limit)
                .fetch_all(&mut *transaction)
                .await?,
                None => {
                    let mut newest: Vec<ChatMessage> = sqlx::query_as(
                        "SELECT * FROM messages WHERE room_id = $1 ORDER BY id DESC LIMIT $2",
                    )
                    .bind(room_id)
                    .bind(limit)
                    .fetch_all(&mut *transaction)
                    .await?;
                    newest.reverse();
                    newest
                }
            };
        Ok(Some(messages))
    }

    /// Takes the write lock at once: a transaction that reads first and then finds another writer
    /// ahead of it fails without waiting.
    async fn begin_write(&self) -> Result<Transaction<'_, Sqlite>, sqlx::Error> {
        self.database.begin_with("BEGIN IMMEDIATE").await
    }
}

async fn is_member(
    connection: &mut SqliteConnection,
    room_id: &str,
    user: UserId,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM members WHERE room_id = $1 AND user_id = $2)")
        .bind(room_id)
        .bind(user)
        .fetch_one(connection)
        .await
}

async fn known(
    connection: &mut SqliteConnection,
    draft: Draft<'_>,
) -> Result<Option<ChatMessage>, sqlx::Error> {
    let Some(client_id) = draft.client_id else {
        return Ok(None);
    };
    sqlx::query_as(
        "SELECT * FROM messages WHERE room_id = $1 AND sender_id = $2 AND client_id = $3",
    )
    .bind(draft.room_id)
    .bind(draft.sender)
    .bind(client_id)
    .fetch_optional(connection)
    .await
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
