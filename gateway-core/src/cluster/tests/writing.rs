//! What every engine promises of its log.

use bytes::Bytes;

use super::super::{
    engine::{Draft, Engine, Reading},
    memory::Network,
};

fn draft(number: u64) -> Draft {
    let data = Bytes::from_static(b"said");
    Draft { stream: 0, namespace: "/chat".into(), kind: 3, data, number, after: number - 1 }
}

async fn read(reading: &mut dyn Reading) -> Vec<(u64, u64, Bytes)> {
    let read = reading.read(&[Default::default()]).await.expect("what there is");
    let entries = read.into_iter().map(|read| read.entry.expect("an entry"));
    entries.map(|entry| (entry.number.expect("a number"), entry.after, entry.data)).collect()
}

/// Of an engine whose log is empty.
pub(in crate::cluster) async fn a_batch_is_appended_once(engine: &dyn Engine) {
    let mut writing = engine.writing("ours").await.expect("a connection");
    let mut earlier = engine.writing("ours").await.expect("a connection");
    let mut other = engine.writing("theirs").await.expect("a connection");
    assert_eq!(earlier.mark().await, Ok(None));
    assert_eq!(writing.mark().await, Ok(None));

    assert_eq!(writing.append(vec![draft(1), draft(2)], 2).await, Ok(Some(2)));
    assert_eq!(earlier.append(vec![draft(1)], 1).await, Ok(Some(2)), "that comes late");
    assert_eq!(earlier.append(vec![draft(3)], 3).await, Ok(Some(3)), "it knows better now");
    assert_eq!(writing.append(vec![draft(3), draft(4)], 4).await, Ok(Some(3)));
    assert_eq!(writing.mark().await, Ok(Some(3)));
    assert_eq!(other.mark().await, Ok(None), "each process has its own");

    let mut reading = engine.reading().await.expect("a connection");
    let expected = [1, 2, 3].map(|number| (number, number - 1, Bytes::from_static(b"said")));
    assert_eq!(read(&mut *reading).await, expected);
}

#[tokio::test(start_paused = true)]
async fn the_one_in_memory_appends_a_batch_once() {
    a_batch_is_appended_once(&Network::new().place()).await;
}
