//! The sample of dashflow-streaming's README with Redis, with only the names of the crate, the broker, the topic and the
//! server changed. The other samples are in `tests/producer/readme.rs`.

use quipu_broker::{BrokerOptions, BrokerThread, TopicOptions};
use quipu_client::producer::{DashStreamProducer, SendError};
use quipu_client::{Event, Header};

use crate::limit;
use crate::server::Server;

mod distributed_rate_limiting {
    use quipu_client::{producer::DashStreamProducer, rate_limiter::RateLimit};

    pub(crate) async fn run(
        brokers: &str,
        topic: &str,
        redis: &str,
    ) -> Result<(), Box<dyn std::error::Error>> {
        // Create producer with Redis-backed rate limiting
        #[allow(unused_variables, reason = "the README does no more with it")]
        let producer = DashStreamProducer::new_with_rate_limiting(
            brokers,
            topic,
            RateLimit {
                messages_per_second: 100.0,
                burst_capacity: 1000,
            },
            Some(redis), // Distributed mode with Redis
        )
        .await?;

        // Rate limits enforced across ALL servers sharing this Redis instance
        // If 3 servers @ 100 msg/sec each → 100 msg/sec total (not 300!)

        Ok(())
    }
}

fn event(tenant: &str) -> Event {
    Event {
        header: Some(Header {
            tenant_id: tenant.to_owned(),
            thread_id: "session-123".to_owned(),
            ..Header::default()
        }),
        ..Event::default()
    }
}

#[tokio::test]
async fn producers_share_the_quota_of_a_tenant_through_redis() {
    let Some(server) = Server::start().await else {
        return;
    };
    let broker = BrokerThread::start(BrokerOptions::default()).unwrap();
    broker
        .create_topic("events", TopicOptions::partitions(1))
        .unwrap();
    distributed_rate_limiting::run(&broker.address(), "events", &server.url())
        .await
        .unwrap();

    let mut producers = Vec::new();
    for _ in 0..3 {
        let (brokers, redis) = (broker.address(), server.url());
        let producer =
            DashStreamProducer::new_with_rate_limiting(&brokers, "events", limit(0.0, 7), Some(&redis));
        producers.push(producer.await.unwrap());
    }
    for tenant in ["acme", "globex"] {
        let mut sent = 0;
        for at in 0..12 {
            match producers[at % 3].send_event(event(tenant)).await {
                Ok(_) => sent += 1,
                Err(SendError::Limited(refusal)) => assert_eq!(refusal.tenant, tenant),
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(sent, 7, "{tenant}");
    }
    assert_eq!(broker.high_watermark("events", 0).unwrap(), 14);
}
