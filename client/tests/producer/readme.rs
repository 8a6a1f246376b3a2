//! The quick start of dashflow-streaming's README, with only the name of the crate changed, and the environment.

use quipu_client::producer::{Producer, ProducerError};

use crate::support::{TOPIC, broker, event, stored_in};

mod quick_start {
    use quipu_client::{Event, EventType, Header, MessageType, producer::DashStreamProducer};

    pub(crate) async fn run(brokers: &str, topic: &str) -> Result<(), Box<dyn std::error::Error>> {
        // Create producer
        let producer = DashStreamProducer::new(brokers, topic).await?;

        // Create an event
        let event = Event {
            header: Some(Header {
                message_id: uuid::Uuid::from_u128(7).as_bytes().to_vec(),
                timestamp_us: chrono::Utc::now().timestamp_micros(),
                tenant_id: "my-app".to_string(),
                thread_id: "session-123".to_string(),
                sequence: 1,
                r#type: MessageType::Event as i32,
                parent_id: vec![],
                compression: 0,
                schema_version: 1,
            }),
            event_type: EventType::GraphStart as i32,
            node_id: "".to_string(),
            attributes: Default::default(),
            duration_us: 0,
            llm_request_id: "".to_string(),
        };

        // Send event
        producer.send_event(event).await?;
        producer.flush(std::time::Duration::from_secs(5)).await?;

        Ok(())
    }
}

#[tokio::test]
async fn the_quick_start_sends_its_event_to_the_partition_of_its_key() {
    let broker = broker(10);
    quick_start::run(&broker.address(), TOPIC).await.unwrap();
    let stored = stored_in(&broker, TOPIC);
    assert_eq!(
        (stored.len(), stored[0].partition, stored[0].key.as_str()),
        (1, 1, "session-123")
    );
    assert_eq!(stored[0].header().tenant_id, "my-app");
}

#[tokio::test]
async fn the_environment_names_brokers_topic_and_tenant() {
    let broker = broker(1);
    let address = broker.address();
    let env = |tenant: &'static str| {
        let address = address.clone();
        move |name: &str| match name {
            "KAFKA_BROKERS" => Some(address.clone()),
            "KAFKA_TOPIC" => Some(TOPIC.to_owned()),
            "KAFKA_TENANT_ID" => Some(tenant.to_owned()),
            _ => None,
        }
    };
    let producer = Producer::from_lookup(env("acme")).unwrap();
    producer.send(event("t")).await.unwrap();
    assert_eq!(stored_in(&broker, TOPIC)[0].header().tenant_id, "acme");
    assert!(matches!(
        Producer::from_lookup(env(" ")),
        Err(ProducerError::Setting {
            setting: "tenant",
            ..
        })
    ));
    assert_eq!(
        Producer::from_lookup(|_| None).unwrap().topic(),
        "dashstream-events"
    );
}
