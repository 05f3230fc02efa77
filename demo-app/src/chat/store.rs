//! Members and messages in the database. Knows nothing of sockets.

use std::sync::Arc;

use gateway_core::injectable;
use sqlx::{AnyConnection, AnyPool};
use uuid::Uuid;

use super::model::ChatMessage;
use crate::clock;
use crate::user::UserId;

/// The rooms as they are stored: who may write to them, and what was written.
#[derive(Clone, Debug)]
#[injectable]
pub(super) struct MessageStore {
    database: Arc<AnyPool>,
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

/// What became of a wish to join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joined {
    /// The user is a member now.
    New,
    /// The user was one before.
    Before,
    /// The user is a member of as many rooms as one may be.
    TooManyMemberships,
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
    /// Makes a user a member, unless it is one of `rooms_max` rooms already.
    pub(super) async fn join(
        &self,
        room_id: &str,
        user: UserId,
        rooms_max: usize,
    ) -> Result<Joined, sqlx::Error> {
        let mut transaction = self.database.begin().await?;
        let joined = sqlx::query(
            "INSERT INTO members (room_id, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        )
        .bind(room_id)
        .bind(user)
        .execute(&mut *transaction)
        .await?;
        if joined.rows_affected() == 0 {
            return Ok(Joined::Before);
        }
        // Whoever joins another room for this user at the same time waits here, and sees this one.
        let rooms: i64 = sqlx::query_scalar(
            "INSERT INTO memberships (user_id, rooms) VALUES ($1, 1) \
             ON CONFLICT (user_id) DO UPDATE SET rooms = memberships.rooms + 1 RETURNING rooms",
        )
        .bind(user)
        .fetch_one(&mut *transaction)
        .await?;
        if usize::try_from(rooms).is_ok_and(|rooms| rooms > rooms_max) {
            return Ok(Joined::TooManyMemberships);
        }
        transaction.commit().await?;
        Ok(Joined::New)
    }

    /// Ends a membership. False if there was none.
    pub(super) async fn leave(&self, room_id: &str, user: UserId) -> Result<bool, sqlx::Error> {
        let mut transaction = self.database.begin().await?;
        let left = sqlx::query("DELETE FROM members WHERE room_id = $1 AND user_id = $2")
            .bind(room_id)
            .bind(user)
            .execute(&mut *transaction)
            .await?;
        if left.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query("UPDATE memberships SET rooms = rooms - 1 WHERE user_id = $1")
            .bind(user)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Stores a message of a member, once.
    pub(super) async fn append(&self, draft: Draft<'_>) -> Result<Appended, sqlx::Error> {
        let mut transaction = self.database.begin().await?;
        let Some(newest) = take_turn(&mut transaction, draft).await? else {
            return Ok(Appended::NotAMember);
        };
        if let Some(message) = known(&mut transaction, draft).await? {
            return Ok(Appended::Known(message));
        }
        let message = ChatMessage {
            id: id_after(&newest).to_string(),
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
        sqlx::query("UPDATE rooms SET newest = $2 WHERE id = $1")
            .bind(&message.room_id)
            .bind(&message.id)
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
}

/// Waits until nobody else writes to the room, and says what its newest message is. `None` if the
/// sender is not a member.
async fn take_turn(
    connection: &mut AnyConnection,
    draft: Draft<'_>,
) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar(
        "INSERT INTO rooms (id, newest) \
         SELECT room_id, '' FROM members WHERE room_id = $1 AND user_id = $2 \
         ON CONFLICT (id) DO UPDATE SET newest = rooms.newest RETURNING newest",
    )
    .bind(draft.room_id)
    .bind(draft.sender)
    .fetch_optional(connection)
    .await
}

/// An id that sorts behind another, whatever the clock of the process that made that one.
fn id_after(newest: &str) -> Uuid {
    let id = Uuid::now_v7();
    match Uuid::try_parse(newest) {
        // Its last 62 bits count on: they were drawn, and are never all ones.
        Ok(newest) if newest >= id => Uuid::from_u128(newest.as_u128() + 1),
        _ => id,
    }
}

async fn is_member(
    connection: &mut AnyConnection,
    room_id: &str,
    user: UserId,
) -> Result<bool, sqlx::Error> {
    let row = sqlx::query("SELECT 1 FROM members WHERE room_id = $1 AND user_id = $2")
        .bind(room_id)
        .bind(user)
        .fetch_optional(connection)
        .await?;
    Ok(row.is_some())
}

async fn known(
    connection: &mut AnyConnection,
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
