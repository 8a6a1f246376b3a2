//! A table of the store: a Parquet scan over the segments of one snapshot.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::config::TableParquetOptions;
use datafusion::common::{DFSchema, Result};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::metrics::MetricBuilder;
use quipu_proto::Table;
use quipu_store::Segment;
use quipu_store::segment::schema_fingerprint;

use super::{pruning, schema, statistics};

/// Bytes read from the end of a segment at first: they hold the footer of an ordinary segment.
const FOOTER_BYTES: usize = 64 * 1024;

/// One table of one snapshot.
#[derive(Debug)]
pub(crate) struct SegmentTable {
    table: Table,
    schema: SchemaRef,
    segments: Vec<Arc<Segment>>,
    store: ObjectStoreUrl,
}

impl SegmentTable {
    /// The table with these segments, whose paths are relative to the root of `store`.
    pub(crate) fn new(table: Table, segments: Vec<Arc<Segment>>, store: ObjectStoreUrl) -> Self {
        Self {
            table,
            schema: schema::of(table),
            segments,
            store,
        }
    }

    /// Whether it has no segment.
    pub(crate) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    fn kept(&self, state: &dyn Session, filters: &[Expr]) -> Result<Vec<Arc<Segment>>> {
        let Some(filter) = conjunction(filters.iter().cloned()) else {
            return Ok(self.segments.clone());
        };
        let columns = DFSchema::try_from(Arc::clone(&self.schema))?;
        let filter = state.create_physical_expr(filter, &columns)?;
        pruning::keep(&self.segments, &filter, &self.schema)
    }

    fn file(&self, segment: &Segment) -> PartitionedFile {
        let statistics = statistics::of_segment(segment, &self.schema);
        let file =
            PartitionedFile::new(segment.path.clone(), segment.bytes).with_statistics(Arc::new(statistics));
        // The reader makes views at once where it knows the types; a segment of an older schema is adapted instead.
        if segment.schema_fingerprint == schema_fingerprint(&self.table.schema()) {
            file.with_arrow_schema(Arc::clone(&self.schema))
        } else {
            file
        }
    }
}

#[async_trait]
impl TableProvider for SegmentTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// Every filter helps to leave out segments; none is sure to remove every row that fails it.
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let kept = self.kept(state, filters)?;
        tracing::debug!(
            table = self.table.name(),
            segments = self.segments.len(),
            kept = kept.len(),
            "pruned segments by the manifest"
        );
        // Also without a file this is a scan like any other: of a plan that knows to be empty, DataFusion concludes an order
        // that the scans beside it in a union do not have.
        let files = FileGroup::new(kept.iter().map(|segment| self.file(segment)).collect());
        let groups = if kept.is_empty() {
            vec![files]
        } else {
            files.split_files(state.config().target_partitions())
        };
        let runtime = state.runtime_env();
        let reader = CachedParquetFileReaderFactory::new(
            runtime.object_store(&self.store)?,
            runtime.cache_manager.get_file_metadata_cache(),
        );
        let source = ParquetSource::new(Arc::clone(&self.schema))
            .with_table_parquet_options(TableParquetOptions {
                global: state.config_options().execution.parquet.clone(),
                ..TableParquetOptions::default()
            })
            .with_metadata_size_hint(FOOTER_BYTES)
            .with_parquet_file_reader_factory(Arc::new(reader));
        // EXPLAIN ANALYZE shows these beside the reader's own.
        let metrics = datafusion::datasource::physical_plan::FileSource::metrics(&source).clone();
        MetricBuilder::new(&metrics)
            .global_counter("segments_kept")
            .add(kept.len());
        MetricBuilder::new(&metrics)
            .global_counter("segments_pruned")
            .add(self.segments.len() - kept.len());
        let config = FileScanConfigBuilder::new(self.store.clone(), Arc::new(source))
            .with_statistics(statistics::of_segments(
                kept.iter().map(Arc::as_ref),
                &self.schema,
            ))
            .with_file_groups(groups)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}
