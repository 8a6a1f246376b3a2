//! Names of tables and views, and what stands behind them. Nothing is made before a statement names it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{CatalogProvider, SchemaProvider, TableProvider};
use datafusion::common::{DFSchema, Result, plan_err};
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::datasource::{MemTable, ViewTable, provider_as_source};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{EmptyRelation, LogicalPlan, LogicalPlanBuilder, TableType};
use datafusion::prelude::SessionContext;
use quipu_proto::Table;
use quipu_store::Snapshot;
use tokio::sync::OnceCell;

use crate::functions;
use crate::prices::PriceTable;
use crate::runs::{InRuns, RunsTable, SharedRuns};
use crate::strands::{self, Account};
use crate::system;
use crate::tables::{CheckedStore, KeptView, SegmentTable};
use crate::views::{self, Header, Made};

/// Name of the one catalog.
pub(crate) const CATALOG: &str = "quipu";

/// Schema of tables and views: the default, so that their names need no qualifier.
pub(crate) const MAIN: &str = "main";

/// Schema of the store's own state.
pub(crate) const SYSTEM: &str = "system";

/// Object store under which the snapshot's files are known: paths are relative to the root of the store.
const STORE_URL: &str = "quipu://store";

/// Gives a session the tables and views of a snapshot, and the functions over them.
pub(crate) fn register(
    context: &SessionContext,
    snapshot: &Snapshot,
    prices: &Arc<PriceTable>,
) -> Result<()> {
    let url = ObjectStoreUrl::parse(STORE_URL)?;
    let files = CheckedStore::new(snapshot)?;
    context.register_object_store(url.as_ref(), Arc::new(files));
    let state = context.state_weak_ref();
    let source = Arc::new(Source {
        snapshot: snapshot.clone(),
        prices: Arc::clone(prices),
        url,
        state: Box::new(move || state.upgrade().map(|state| state.read().clone())),
        account: OnceCell::new(),
        runs: SharedRuns::default(),
    });
    functions::register_over(context, &source);
    let catalog = Catalog {
        main: Arc::new(Names {
            kind: Kind::Main,
            source: Arc::clone(&source),
            made: Mutex::default(),
        }),
        system: Arc::new(Names {
            kind: Kind::System,
            source,
            made: Mutex::default(),
        }),
    };
    context.register_catalog(CATALOG, Arc::new(catalog));
    Ok(())
}

/// Gives a plan a name in the session, as a view whose rows are kept.
pub(crate) fn keep(context: &SessionContext, name: &str, plan: &LogicalPlan) -> Result<()> {
    let kept = KeptView::whole(plan, &context.state())?;
    names(context)?
        .register_table(name.to_owned(), Arc::new(kept))
        .map(|_| ())
}

/// The tables and views of a session.
fn names(context: &SessionContext) -> Result<Arc<Names>> {
    let catalog = context.catalog(CATALOG);
    let catalog = catalog
        .as_ref()
        .and_then(|catalog| catalog.downcast_ref::<Catalog>());
    match catalog {
        Some(catalog) => Ok(Arc::clone(&catalog.main)),
        None => Err(DataFusionError::Internal("the session has no tables".to_owned())),
    }
}

/// Keeps the rows of a view in the session, once something asks for them: of the columns that are wanted by then.
pub(crate) async fn pin(context: &SessionContext, view: &str) -> Result<()> {
    let names = names(context)?;
    let Some(table) = names.table(view).await?.filter(|_| views::find(view).is_some()) else {
        return plan_err!("there is no view {view} to keep");
    };
    let plan = LogicalPlanBuilder::scan(view, provider_as_source(table), None)?.build()?;
    names.replace(view, Arc::new(KeptView::of_wanted(&plan, &context.state())?));
    Ok(())
}

/// Gives rows a name in the session.
pub(crate) fn add_rows(context: &SessionContext, name: &str, rows: RecordBatch) -> Result<()> {
    let table = MemTable::try_new(rows.schema(), vec![vec![rows]])?;
    names(context)?
        .register_table(name.to_owned(), Arc::new(table))
        .map(|_| ())
}

/// What tables and views are made of.
pub(crate) struct Source {
    /// The snapshot whose rows they show.
    pub(crate) snapshot: Snapshot,
    /// What models cost.
    pub(crate) prices: Arc<PriceTable>,
    url: ObjectStoreUrl,
    /// The session that asks; none while it is being dropped. Weak, because the session owns the catalog.
    state: Box<dyn Fn() -> Option<SessionState> + Send + Sync>,
    account: OnceCell<Account>,
    /// The runs of its threads.
    pub(crate) runs: SharedRuns,
}

impl Source {
    /// The session that asks.
    pub(crate) fn state(&self) -> Result<SessionState> {
        (self.state)().ok_or_else(|| DataFusionError::Internal("the session is closed".to_owned()))
    }

    /// What the counters of all threads lack: found out once.
    pub(crate) async fn account(&self) -> Result<&Account> {
        self.account.get_or_try_init(|| strands::account(self)).await
    }

    /// A table of the store.
    pub(crate) fn segment_table(&self, table: Table) -> SegmentTable {
        let segments = self.snapshot.manifest().segments_of(table).cloned().collect();
        SegmentTable::new(table, segments, self.url.clone())
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Catalog {
    main: Arc<Names>,
    system: Arc<Names>,
}

impl CatalogProvider for Catalog {
    fn schema_names(&self) -> Vec<String> {
        vec![MAIN.to_owned(), SYSTEM.to_owned()]
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        match name {
            MAIN => Some(Arc::clone(&self.main) as Arc<dyn SchemaProvider>),
            SYSTEM => Some(Arc::clone(&self.system) as Arc<dyn SchemaProvider>),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Main,
    System,
}

/// The names of one schema.
#[derive(Debug)]
struct Names {
    kind: Kind,
    source: Arc<Source>,
    made: Mutex<BTreeMap<String, Arc<dyn TableProvider>>>,
}

impl Names {
    /// Puts another table in the place of a view.
    fn replace(&self, name: &str, table: Arc<dyn TableProvider>) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.insert(name.to_owned(), table);
    }

    async fn make(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        if self.kind == Kind::System {
            return system::table(name, &self.source).await;
        }
        if let Some(table) = main_table(name) {
            let table = self.source.segment_table(table);
            return Ok(Some(if table.is_empty() {
                empty(&table.schema())?
            } else {
                Arc::new(table)
            }));
        }
        let Some(view) = views::find(name) else {
            return Ok(None);
        };
        let source = Arc::clone(&self.source);
        let by = match view.made() {
            Made::ByRuns(rows) => return Ok(Some(Arc::new(RunsTable::new(source, rows)))),
            Made::OfTextInRuns(by) => Some(by),
            Made::OfText => None,
        };
        let state = source.state()?;
        let plan = state.create_logical_plan(view.sql).await?;
        Ok(Some(match by {
            Some(by) => {
                let columns = Header::parse(view.sql).columns.into_iter().map(|(name, _)| name);
                Arc::new(InRuns::new(source, plan, by, columns, &state)?)
            }
            None => Arc::new(ViewTable::new(plan, Some(view.sql.to_owned()))),
        }))
    }
}

#[async_trait]
impl SchemaProvider for Names {
    fn table_names(&self) -> Vec<String> {
        match self.kind {
            Kind::Main => {
                let tables = Table::ALL
                    .into_iter()
                    .map(Table::name)
                    .filter(|name| main_table(name).is_some());
                tables
                    .chain(views::VIEWS.iter().map(|view| view.name))
                    .map(str::to_owned)
                    .collect()
            }
            Kind::System => system::NAMES.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let made = self
            .made
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .cloned();
        if made.is_some() {
            return Ok(made);
        }
        // Not under the lock: a view names other tables of this schema.
        let table = self.make(name).await?;
        if let Some(table) = &table {
            let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
            made.insert(name.to_owned(), Arc::clone(table));
        }
        Ok(table)
    }

    fn register_table(
        &self,
        name: String,
        table: Arc<dyn TableProvider>,
    ) -> Result<Option<Arc<dyn TableProvider>>> {
        if self.table_exist(&name) {
            return plan_err!("there is a table or view {name} already: choose another name");
        }
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(made.insert(name, table))
    }

    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        // Answered by name, so that listing names plans no view.
        Ok(match self.kind {
            Kind::Main if main_table(name).is_some() => Some(TableType::Base),
            Kind::Main => views::find(name).map(|_| TableType::View),
            Kind::System => system::NAMES.contains(&name).then_some(TableType::Base),
        })
    }

    fn table_exist(&self, name: &str) -> bool {
        match self.kind {
            Kind::Main => main_table(name).is_some() || views::find(name).is_some(),
            Kind::System => system::NAMES.contains(&name),
        }
    }
}

/// A table without a row. Its plan says so, and what is joined with it is not even planned.
fn empty(schema: &SchemaRef) -> Result<Arc<dyn TableProvider>> {
    let plan = LogicalPlan::EmptyRelation(EmptyRelation {
        produce_one_row: false,
        schema: Arc::new(DFSchema::try_from(Arc::clone(schema))?),
    });
    Ok(Arc::new(ViewTable::new(plan, None)))
}

/// The table of the store that has this name without qualifier.
fn main_table(name: &str) -> Option<Table> {
    // Offset holes are state of the store, shown as system.offset_holes; the book is for the store alone.
    Table::from_name(name).filter(|table| !matches!(table, Table::OffsetHoles | Table::SequenceBook))
}
