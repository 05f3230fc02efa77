//! Sessions on polling that try a WebSocket, and go over to it.

use super::*;

#[tokio::test]
async fn what_one_transport_has_not_delivered_the_other_does() {
    for served in [Served::ByUs, Served::ByOthers] {
        let mut server = Server::open(served).await;
        let (mut polling, guest) = server.on_polling().await;
        server.house.send(&guest, server.event(&json!("polled"))).await;
        while !polling.poll().await.1.contains("polled") {}
        settled(&guest).await;

        let mut client = server.websocket(&format!("&sid={}", polling.sid)).await;
        client.send(Message::text("2probe")).await.unwrap();
        server.house.send(&guest, server.event(&json!("between"))).await;
        let mut seen = polling.poll().await.1;
        assert_eq!(next(&mut client).await, "3probe");
        client.send(Message::text("5")).await.unwrap();
        server.house.send(&guest, server.event(&json!("after"))).await;
        while !seen.contains("after") {
            seen += &next(&mut client).await;
        }
        assert!(seen.contains("between"), "{seen}");
        settled(&guest).await;

        // And it is cut as what it is now.
        guest.link.cut();
        while let Some(Ok(_)) = client.next().await {}
        assert!(matches!(server.told().await, Told::Gone(..)));
    }
}

/// A client that polls, and what it has been told: the numbers of events.
fn poll_for_ever(mut polling: Polling) -> (Arc<Mutex<Vec<usize>>>, AbortOnDropHandle<()>) {
    let heard = Arc::<Mutex<Vec<usize>>>::default();
    let hearing = Arc::clone(&heard);
    let polls = async move {
        loop {
            let (status, packets) = polling.poll().await;
            assert_eq!(status, 200, "{packets}");
            hearing.lock().unwrap().extend(numbers_in(&packets));
            if packets.split('\x1e').any(|packet| packet == "2") {
                polling.post("3").await;
            }
        }
    };
    (heard, AbortOnDropHandle::new(tokio::spawn(polls)))
}

fn numbers_in(packets: &str) -> impl Iterator<Item = usize> {
    packets.split('\x1e').filter_map(|packet| {
        packet.strip_prefix(r#"42["event","#)?.trim_end_matches(']').parse().ok()
    })
}

#[tokio::test]
async fn an_upgrade_that_fails_leaves_the_session_on_polling() {
    for served in [Served::ByUs, Served::ByOthers] {
        let mut server = Server::open(served).await;
        let (mut polling, guest) = server.on_polling().await;
        let query = format!("&sid={}", polling.sid);
        for words in [&[][..], &["2probe"], &["2probe", "2probe"], &["42[\"a\"]"]] {
            let mut client = server.websocket(&query).await;
            for word in words {
                client.send(Message::text(*word)).await.unwrap();
                next(&mut client).await;
            }
            drop(client);
            assert_eq!(polling.post(r#"42["b"]"#).await.0, 200);
            assert_eq!(server.told().await, Told::Said(guest.link.id(), r#"["b"]"#.to_owned()));
            server.house.send(&guest, server.event(&json!(7))).await;
            while numbers_in(&polling.poll().await.1).next() != Some(7) {}
            settled(&guest).await;
            let nobody = async {
                while server.namespaces.sessions().attempts() > 0 {
                    sleep(Duration::from_millis(1)).await;
                }
            };
            timeout(LONG, nobody).await.expect("no attempt is left");
        }
        // And the next one may succeed.
        let mut client = server.websocket(&query).await;
        client.send(Message::text("2probe")).await.unwrap();
        assert_eq!(next(&mut client).await, "3probe");
        client.send(Message::text("5")).await.unwrap();
        server.house.send(&guest, server.event(&json!("here"))).await;
        while !next(&mut client).await.contains("here") {}
        assert!(server.told.try_recv().is_err());
    }
}

#[tokio::test]
async fn nothing_is_lost_or_doubled_while_attempts_come_and_go() {
    const COUNT: usize = 3_000;

    for served in [Served::ByUs, Served::ByOthers] {
        let mut server = Server::open(served).await;
        let (polling, guest) = server.on_polling().await;
        let query = format!("&sid={}", polling.sid);
        let (heard, polls) = poll_for_ever(polling);
        let (house, to) = (Arc::clone(&server.house), Arc::clone(&guest));
        let sending = tokio::spawn(async move {
            for number in 0..COUNT {
                let frame = house.hub().encode_event("event", &json!(number)).unwrap();
                house.send(&to, frame).await;
                if number % 3 == 0 {
                    sleep(Duration::from_micros(300)).await;
                }
            }
        });
        let mut attempts = 0;
        while !sending.is_finished() {
            let mut client = server.websocket(&query).await;
            client.send(Message::text("2probe")).await.unwrap();
            // The one before may not be over yet.
            if let Some(Ok(Message::Text(_))) = client.next().await {
                attempts += 1;
            }
        }
        let all = async {
            while heard.lock().unwrap().len() < COUNT {
                sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(LONG, all).await.expect("all of them");
        assert!(heard.lock().unwrap().iter().copied().eq(0..COUNT));
        assert!(attempts > 10, "{attempts}");
        settled(&guest).await;
        drop(polls);
        assert!(server.told.try_recv().is_err());
    }
}

#[tokio::test]
async fn who_never_goes_over_goes_on_by_polling_and_keeps_its_heartbeat() {
    for served in [Served::ByUs, Served::ByOthers] {
        for words in [&[][..], &["2probe"]] {
            let mut server = Server::open_with(
                served,
                ServerOptions {
                    upgrade_timeout: Duration::from_secs(3),
                    ping_interval: Duration::from_millis(300),
                    ping_timeout: Duration::from_secs(1),
                    ..ServerOptions::default()
                },
            )
            .await;
            let (mut polling, guest) = server.on_polling().await;
            polling.post("3").await;
            let mut client = server.websocket(&format!("&sid={}", polling.sid)).await;
            for word in words {
                client.send(Message::text(*word)).await.unwrap();
                assert_eq!(next(&mut client).await, "3probe");
            }
            let (mut pings, mut others) = (0, 0);
            let polls = async {
                loop {
                    match &*polling.poll().await.1 {
                        "2" => {
                            pings += 1;
                            polling.post("3").await;
                        }
                        "6" => others += 1,
                        packets => panic!("{packets}"),
                    }
                }
            };
            let closed = tokio::select! {
                () = polls => unreachable!("it polls for ever"),
                closed = timeout(LONG, client.next()) => closed,
            };
            let Ok(Some(Ok(Message::Close(Some(frame))))) = closed else { panic!("{closed:?}") };
            assert_eq!(u16::from(frame.code), 1008);
            assert!(pings >= 5, "{pings}");
            // Only a client that has probed is waited for, and that ever less often.
            assert!(others <= 7 && (words.is_empty() == (others == 0)), "{others}");
            // On another connection: the last poll has not been answered on this one.
            polling.http = server.connect().await;
            assert_eq!(polling.post(r#"42["b"]"#).await.0, 200);
            assert_eq!(server.told().await, Told::Said(guest.link.id(), r#"["b"]"#.to_owned()));
        }
    }
}

#[tokio::test]
async fn a_second_websocket_is_closed_and_the_first_goes_on() {
    for served in [Served::ByUs, Served::ByOthers] {
        let mut server = Server::open(served).await;
        for _ in 0..40 {
            let (polling, guest) = server.on_polling().await;
            let query = format!("&sid={}", polling.sid);
            let mut first = server.websocket(&query).await;
            first.send(Message::text("2probe")).await.unwrap();
            assert_eq!(next(&mut first).await, "3probe");
            let (sent, mut second) =
                tokio::join!(first.send(Message::text("5")), server.websocket(&query));
            sent.unwrap();
            // While it is being upgraded, or has been.
            second.send(Message::text("2probe")).await.ok();
            let closed = timeout(LONG, second.next()).await.expect("an answer");
            assert!(matches!(closed, Some(Ok(Message::Close(Some(_))))), "{closed:?}");
            drop(second);
            server.house.send(&guest, server.event(&json!("here"))).await;
            while !next(&mut first).await.contains("here") {}
            first.send(Message::text(r#"42["b"]"#)).await.unwrap();
            assert_eq!(server.told().await, Told::Said(guest.link.id(), r#"["b"]"#.to_owned()));
            drop(first);
            assert!(matches!(server.told().await, Told::Gone(id, _) if id == guest.link.id()));
        }
    }
}

#[tokio::test]
async fn a_session_that_is_cut_ends_the_websocket_it_tries() {
    for served in [Served::ByUs, Served::ByOthers] {
        let mut server = Server::open(served).await;
        let (polling, guest) = server.on_polling().await;
        let mut client = server.websocket(&format!("&sid={}", polling.sid)).await;
        client.send(Message::text("2probe")).await.unwrap();
        assert_eq!(next(&mut client).await, "3probe");
        guest.link.cut();
        assert!(matches!(server.told().await, Told::Gone(id, _) if id == guest.link.id()));
        drop(guest);
        let closed = timeout(LONG, client.next()).await.expect("an end");
        assert!(matches!(closed, Some(Ok(Message::Close(Some(_))))), "{closed:?}");
        assert_eq!(
            (server.namespaces.sessions().len(), server.namespaces.sessions().attempts()),
            (0, 0)
        );
    }
}
