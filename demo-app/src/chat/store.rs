//! Members and messages in the database. Knows nothing of sockets.

use std::sync::Arc;

use gateway_core::injectable;
use sqlx::AnyPool;
use uuid::Uuid;

use super::model::{ChatError, ChatMessage, History, HistoryRequest, SendMessage};
use crate::clock;
use crate::config::Config;
use crate::database::values;
use crate::limits;
use crate::user::UserId;

type Result<T> = std::result::Result<T, ChatError>;

/// The rooms as they are stored: who may write to them, and what was written.
#[derive(Clone, Debug)]
#[injectable]
pub(super) struct MessageStore {
    database: Arc<AnyPool>,
    config: Arc<Config>,
}

impl MessageStore {
    /// Makes the user a member. False if that is nothing new.
    pub(super) async fn join(&self, room_id: &str, user: UserId) -> Result<bool> {
        let mut transaction = self.database.begin().await?;
        let join = sqlx::query_with(
            "INSERT INTO members (room_id, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            values![room_id, user],
        );
        if join.execute(&mut *transaction).await?.rows_affected() == 0 {
            return Ok(false);
        }
        // Whoever joins another room for this user at the same time waits here, and sees this one.
        let count = sqlx::query_scalar_with(
            "INSERT INTO memberships (user_id, rooms) VALUES ($1, 1) \
             ON CONFLICT (user_id) DO UPDATE SET rooms = memberships.rooms + 1 RETURNING rooms",
            values![user],
        );
        let rooms: i64 = count.fetch_one(&mut *transaction).await?;
        if usize::try_from(rooms).is_ok_and(|rooms| rooms > self.config.rooms_per_user.get()) {
            limits::reached("rooms_per_user");
            return Err(ChatError::TooManyMemberships);
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// Ends a membership. False if there was none.
    pub(super) async fn leave(&self, room_id: &str, user: UserId) -> Result<bool> {
        let mut transaction = self.database.begin().await?;
        let leave = sqlx::query_with(
            "DELETE FROM members WHERE room_id = $1 AND user_id = $2",
            values![room_id, user],
        );
        if leave.execute(&mut *transaction).await?.rows_affected() == 0 {
            return Ok(false);
        }
        sqlx::query("UPDATE memberships SET rooms = rooms - 1 WHERE user_id = $1")
            .bind(user)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Stores a message of a member. False beside one that had been stored before, under the same name.
    pub(super) async fn append(
        &self,
        sender: UserId,
        message: &SendMessage,
    ) -> Result<(ChatMessage, bool)> {
        let SendMessage { room_id, content, client_id } = message;
        let mut transaction = self.database.begin().await?;
        // Waits until nobody else writes to the room.
        let turn = sqlx::query_scalar_with(
            "INSERT INTO rooms (id, newest) \
             SELECT room_id, '' FROM members WHERE room_id = $1 AND user_id = $2 \
             ON CONFLICT (id) DO UPDATE SET newest = rooms.newest RETURNING newest",
            values![room_id, sender],
        );
        let newest: Option<String> = turn.fetch_optional(&mut *transaction).await?;
        let id = id_after(&newest.ok_or(ChatError::NotAMember)?).to_string();
        let store = sqlx::query_as_with(
            "INSERT INTO messages (id, room_id, sender_id, content, created_at, client_id) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING *",
            values![&id, room_id, sender, content, clock::now(), client_id],
        );
        let Some(message) = store.fetch_optional(&mut *transaction).await? else {
            let known = sqlx::query_as_with(
                "SELECT * FROM messages WHERE room_id = $1 AND sender_id = $2 AND client_id = $3",
                values![room_id, sender, client_id],
            );
            return Ok((known.fetch_one(&mut *transaction).await?, false));
        };
        sqlx::query_with("UPDATE rooms SET newest = $2 WHERE id = $1", values![room_id, id])
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok((message, true))
    }

    /// What was said in a room, for one of its members.
    pub(super) async fn history(&self, reader: UserId, asked: &HistoryRequest) -> Result<History> {
        let room_id = &asked.room_id;
        let member = sqlx::query_with(
            "SELECT 1 FROM members WHERE room_id = $1 AND user_id = $2",
            values![room_id, reader],
        );
        member.fetch_optional(&*self.database).await?.ok_or(ChatError::NotAMember)?;
        let messages = match asked.page() {
            (Some(after), limit) => sqlx::query_as_with(
                "SELECT * FROM messages WHERE room_id = $1 AND id > $2 ORDER BY id LIMIT $3",
                values![room_id, after.to_string(), limit],
            ),
            (None, limit) => sqlx::query_as_with(
                "SELECT * FROM \
                 (SELECT * FROM messages WHERE room_id = $1 ORDER BY id DESC LIMIT $2) AS newest \
                 ORDER BY id",
                values![room_id, limit],
            ),
        };
        Ok(History { messages: messages.fetch_all(&*self.database).await? })
    }
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

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
