//! The code samples of dashflow-streaming's README, with imports from `quipu`: users who bring such code change the name of the
//! crate and nothing else. What a sample leaves to the reader (an application, a file) is made here.

#![allow(
    clippy::unwrap_used,
    reason = "a sample that fails fails the test by panicking"
)]

use std::path::Path;

use quipu::evals::{Baseline, BenchmarkResult, EvalMetrics, EvalSuite, mock_metrics};

type Sample = Result<(), Box<dyn std::error::Error>>;

/// The suite of the README, as a file below `folder`.
fn suite_file(folder: &Path) -> String {
    let path = folder.join("librarian.json");
    let text = r#"{
  "name": "librarian",
  "description": "Librarian RAG test cases",
  "version": "1.0.0",
  "cases": [
    {
      "id": "basic_001",
      "query": "What is the capital of France?",
      "expected_answer": "Paris",
      "metadata": {
        "category": "geography",
        "difficulty": "easy"
      }
    },
    {
      "id": "technical_001",
      "query": "What is the time complexity of binary search?",
      "expected_answer": "O(log n)",
      "metadata": {
        "category": "computer_science",
        "difficulty": "medium"
      }
    }
  ]
}"#;
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// "Golden Dataset Support", "Programmatic Usage".
#[test]
fn a_suite_is_scored() -> Sample {
    use quipu::evals::{ScoringMethod, average_correctness, score_suite};

    let folder = tempfile::tempdir()?;
    let path = suite_file(folder.path());

    // Load eval suite
    let suite = EvalSuite::load(path)?;

    // Get actual answers from your application
    let actual_answers = vec!["Paris".to_string(), "O(log n)".to_string()];

    // Score with fuzzy matching
    let scores = score_suite(&suite, &actual_answers, ScoringMethod::FuzzyMatch)?;
    let avg = average_correctness(&scores);

    // Check threshold
    assert_eq!(
        format!("Average correctness: {:.1}%", avg * 100.0),
        "Average correctness: 100.0%"
    );
    Ok(())
}

/// "Using the Test Harness": the three tests of the sample, with the import that it lacks (`Baseline`).
mod harness {
    use std::io::Write;

    use quipu::evals::{
        Baseline, EvalMetrics, EvalTestRunner, RegressionThresholds, mock_baseline, mock_metrics,
    };
    use quipu::{assert_metric_within_threshold, assert_no_critical_regressions, assert_quality_maintained};
    use tempfile::NamedTempFile;

    // Helper to create baseline file
    fn create_baseline_file(baseline: &Baseline) -> NamedTempFile {
        let mut file = NamedTempFile::new().unwrap();
        let json = serde_json::to_string_pretty(baseline).unwrap();
        file.write_all(json.as_bytes()).unwrap();
        file.flush().unwrap();
        file
    }

    #[test]
    fn test_librarian_quality() {
        // Setup baseline
        let baseline = mock_baseline("librarian", "1.0.0", 1850.0, 1047.5, 150);
        let baseline_file = create_baseline_file(&baseline);

        // Create test runner
        let mut runner = EvalTestRunner::new(baseline_file.path());

        // Simulate current metrics (e.g., from a test run)
        let metrics = mock_metrics(1800.0, 1000.0, 145);

        // Run evaluation
        let regressions = runner.run(&metrics);

        // Assert: No critical regressions
        assert!(
            regressions.is_empty(),
            "Unexpected regressions: {:?}",
            regressions
        );
    }

    #[test]
    fn test_librarian_with_macros() {
        // Setup
        let baseline = mock_baseline("librarian", "1.0.0", 1850.0, 1047.5, 150);
        let baseline_file = create_baseline_file(&baseline);
        let mut runner = EvalTestRunner::new(baseline_file.path());

        // Current metrics
        let current = EvalMetrics {
            p95_latency: 1620.0, // Improved!
            avg_latency: 980.0,  // Improved!
            success_rate: 100.0,
            error_rate: 0.0,
            total_tokens: 145,
            cost_per_run: 0.000725,
            tool_calls: 2,
            correctness: Some(0.96), // Improved!
            relevance: Some(0.93),
            safety: Some(1.0),
            hallucination_rate: Some(0.02),
        };

        let baseline_metrics = runner.baseline().metrics.clone();
        let thresholds = RegressionThresholds::default();

        // Use assertion macros for clear test failures
        assert_no_critical_regressions!(current, baseline_metrics, thresholds);

        assert_metric_within_threshold!(
            current.p95_latency,
            baseline_metrics.p95_latency,
            1.2, // 20% slower allowed
            "P95 latency"
        );

        assert_quality_maintained!(
            current.correctness.unwrap(),
            baseline_metrics.correctness.unwrap(),
            0.05, // 5% absolute drop allowed
            "Correctness"
        );
    }

    #[test]
    fn test_with_strict_thresholds() {
        // Use strict thresholds for production deployments
        let baseline = mock_baseline("prod_app", "2.0.0", 1000.0, 500.0, 150);
        let baseline_file = create_baseline_file(&baseline);

        let mut runner = EvalTestRunner::with_thresholds(
            baseline_file.path(),
            RegressionThresholds::strict(), // Tighter thresholds
        );

        let metrics = mock_metrics(1050.0, 525.0, 150);
        let result = runner.run_and_check(&metrics);

        assert!(result.is_ok(), "Strict threshold regression: {:?}", result.err());
    }
}

/// "Assertion Macros", one by one.
#[test]
fn macros_take_what_the_samples_give_them() {
    use quipu::evals::RegressionThresholds;
    use quipu::{assert_metric_within_threshold, assert_no_critical_regressions, assert_quality_maintained};

    let (current_metrics, baseline_metrics) = (
        mock_metrics(1800.0, 1000.0, 150),
        mock_metrics(1850.0, 1047.5, 150),
    );
    let thresholds = RegressionThresholds::default();
    assert_no_critical_regressions!(current_metrics, baseline_metrics, thresholds);

    let (current, baseline) = (current_metrics, baseline_metrics);
    assert_metric_within_threshold!(
        current.p95_latency,
        baseline.p95_latency,
        1.2, // threshold multiplier
        "P95 latency"
    );
    assert_quality_maintained!(
        current.correctness.unwrap(),
        baseline.correctness.unwrap(),
        0.05, // 5% absolute drop allowed
        "Correctness"
    );
}

/// "Mock Fixtures".
#[test]
fn fixtures_are_made_up() {
    use quipu::evals::{mock_baseline, mock_metrics};

    // Create mock metrics
    let metrics = mock_metrics(
        1800.0, // p95_latency
        1000.0, // avg_latency
        150,    // total_tokens
    );

    // Create mock baseline
    let baseline = mock_baseline(
        "my_app", "1.0.0", 1850.0, // p95_latency
        1047.5, // avg_latency
        150,    // total_tokens
    );
    assert_eq!((metrics.total_tokens, baseline.metrics.total_tokens), (150, 150));
    assert_eq!(metrics.success_rate, 1.0);
}

/// The application of the sample below.
async fn run_and_collect_metrics() -> Result<EvalMetrics, std::convert::Infallible> {
    Ok(mock_metrics(1000.0, 800.0, 150))
}

fn load_baseline_benchmark(path: &Path) -> quipu::evals::Result<BenchmarkResult> {
    BenchmarkResult::load(path)
}

/// "Programmatic Benchmarking".
#[tokio::test]
async fn an_application_is_benchmarked() -> Sample {
    use quipu::evals::{
        BenchmarkConfig, BenchmarkRunner, Overwrite, detect_performance_regression, format_benchmark_report,
    };

    // Configure benchmark
    let config = BenchmarkConfig {
        iterations: 50,
        warmup_iterations: 5,
        confidence_level: 0.95,
        parallel: false,
    };

    let mut runner = BenchmarkRunner::new(config);

    // Run application multiple times and collect metrics
    for _ in 0..55 {
        // 5 warmup + 50 iterations
        let metrics = run_and_collect_metrics().await?;
        runner.add_sample(metrics);
    }

    // Analyze results
    let result = runner.analyze();
    let report = format_benchmark_report(&result);
    assert!(
        report.starts_with("=== Benchmark Report ===\n\nSamples: 50\n"),
        "{report}"
    );

    // Check for regression
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("baseline.json");
    result.save_as(&path, Overwrite::No)?;
    let baseline = load_baseline_benchmark(&path)?;
    assert!(!detect_performance_regression(&baseline, &result, 0.2));
    Ok(())
}

/// "Statistical Metrics": the rule as it is written there, for results without runs.
#[test]
fn the_rule_of_the_documentation_holds_for_results_without_runs() {
    use quipu::evals::{BenchmarkConfig, BenchmarkRunner, detect_performance_regression};

    let of = |latency: f64| {
        let mut runner = BenchmarkRunner::new(BenchmarkConfig {
            warmup_iterations: 0,
            ..BenchmarkConfig::default()
        });
        for index in 0..10 {
            runner.add_sample(mock_metrics(latency + f64::from(index), latency, 150));
        }
        BenchmarkResult {
            samples: None,
            ..runner.analyze()
        }
    };
    let threshold = 0.2;
    let baseline = of(1000.0);
    for latency in [1000.0, 1200.0, 1300.0] {
        let current = of(latency);
        let regression = current.p95_latency > baseline.latency_ci_upper * (1.0 + threshold);
        assert_eq!(
            detect_performance_regression(&baseline, &current, threshold),
            regression,
            "{latency}"
        );
    }
}

/// "Programmatic Usage", of the whole module.
#[test]
fn analytics_are_compared_with_a_baseline() -> Sample {
    use quipu::evals::{
        AnalyticsConverter, LlmPricing, RegressionThresholds, detect_regressions, has_critical_regressions,
    };

    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);

    // Load analytics JSON
    let analytics_json =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/analyze.json"))?;

    // Convert to metrics
    let metrics = AnalyticsConverter::from_json(&analytics_json, Some(LlmPricing::GPT_4O))?;

    // The baseline of the sample
    Baseline::new("app".to_string(), "1.0.0".to_string(), metrics.clone()).save(path("app_v1.0.0.json"))?;

    // Load baseline
    let baseline = Baseline::load(path("app_v1.0.0.json"))?;

    // Detect regressions
    let thresholds = RegressionThresholds::default();
    let regressions = detect_regressions(&baseline.metrics, &metrics, &thresholds);

    // Check results
    let said = if has_critical_regressions(&regressions) {
        regressions
            .iter()
            .map(|reg| format!("  {}", reg.format_plain()))
            .collect()
    } else if !regressions.is_empty() {
        "Warnings:".to_string()
    } else {
        "✓ No regressions detected".to_string()
    };
    assert_eq!(said, "✓ No regressions detected");

    // Save new baseline
    let new_baseline = Baseline::new("app".to_string(), "1.1.0".to_string(), metrics);
    new_baseline.save(path("baselines/app_v1.1.0.json"))?;
    assert!(Baseline::exists(path("baselines/app_v1.1.0.json")));
    Ok(())
}

/// "Programmatic Benchmarking" imports the metrics from their module.
#[test]
#[allow(unused_qualifications, reason = "the paths are what is tried")]
fn modules_are_public() {
    use quipu::evals::metrics::EvalMetrics as FromModule;

    let metrics: FromModule = EvalMetrics::default();
    assert_eq!(metrics.success_rate, 1.0);
    let _: quipu::evals::baseline::Baseline = Baseline::new("a".into(), "1".into(), metrics);
    let _ = quipu::evals::dataset::EvalSuite::default();
    let _ = quipu::evals::regression::RegressionThresholds::strict();
    let _ = quipu::evals::benchmark::BenchmarkConfig::default();
    let _ = quipu::evals::converter::Conversion::default();
    let _ = quipu::evals::test_harness::mock_metrics(1.0, 1.0, 1);
}

/// "Quick Start" and "Rate Limiting", against the in-process broker in the place of `localhost:9092`.
mod streaming {
    use std::time::Duration;

    use quipu_broker::{BrokerOptions, BrokerThread, TopicOptions};

    type Sample = super::Sample;

    fn broker() -> BrokerThread {
        let broker = BrokerThread::start(BrokerOptions::default()).unwrap();
        broker
            .create_topic("dashstream_events", TopicOptions::partitions(1))
            .unwrap();
        broker
    }

    async fn send(brokers: &str) -> Sample {
        use quipu::client::{Event, EventType, Header, MessageType, producer::DashStreamProducer};

        // Create producer
        let producer = DashStreamProducer::new(brokers, "dashstream_events").await?;

        // Create an event
        let event = Event {
            header: Some(Header {
                message_id: uuid::Uuid::from_u128(7).as_bytes().to_vec(),
                timestamp_us: 1_764_300_000_000_000,
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
        producer.flush(Duration::from_secs(5)).await?;

        Ok(())
    }

    /// Ends after the first message, where the sample goes on for ever.
    async fn receive(brokers: &str) -> Result<String, Box<dyn std::error::Error>> {
        use quipu::client::consumer::DashStreamConsumer;

        // Create consumer for a specific partition.
        let mut consumer = DashStreamConsumer::new_for_partition(brokers, "dashstream_events", 0).await?;

        // Consume messages.
        loop {
            match consumer.next_timeout(Duration::from_secs(30)).await {
                Some(Ok(msg)) => return Ok(format!("Received: {:?}", msg)),
                Some(Err(e)) => return Err(e.into()),
                None => continue, // timeout
            }
        }
    }

    #[tokio::test]
    async fn what_the_quick_start_sends_its_consumer_receives() -> Sample {
        let broker = broker();
        send(&broker.address()).await?;
        let received = receive(&broker.address()).await?;
        assert!(
            received.contains("session-123") && received.contains("my-app"),
            "{received}"
        );
        Ok(())
    }

    #[tokio::test]
    async fn events_are_limited_by_tenant() -> Sample {
        use quipu::client::{producer::DashStreamProducer, rate_limiter::RateLimit};

        let broker = broker();
        // Create producer with rate limiting (100 msg/sec, burst up to 1000)
        let producer = DashStreamProducer::new_with_rate_limiting(
            &broker.address(),
            "dashstream_events",
            RateLimit {
                messages_per_second: 100.0,
                burst_capacity: 1000,
            },
            None, // In-memory mode (no Redis)
        )
        .await?;

        // Send events (automatically rate-limited per tenant)
        for i in 0..1000 {
            let event = create_event(&format!("tenant_{}", i % 10));
            producer.send_event(event).await?;
        }
        assert_eq!(producer.counts().messages_sent, 1000);
        Ok(())
    }

    /// The function that the sample calls and does not show.
    fn create_event(tenant: &str) -> quipu::client::Event {
        quipu::client::Event {
            header: Some(quipu::client::Header {
                tenant_id: tenant.to_owned(),
                thread_id: "session-123".to_owned(),
                ..Default::default()
            }),
            ..Default::default()
        }
    }
}
