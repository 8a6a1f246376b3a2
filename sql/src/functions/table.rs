//! What a function that gives a table is made of.

use std::fmt;
use std::sync::Arc;

use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::Result;

use super::arguments::Arguments;
use crate::catalog::Source;

/// Makes a table of the tables of a session and the arguments of a call.
type MakeTable = fn(&Arc<Source>, Arguments<'_>) -> Result<Arc<dyn TableProvider>>;

/// A function that gives a table.
#[derive(Clone, Copy)]
pub(crate) struct TableFunction {
    /// Its name in SQL.
    pub(crate) name: &'static str,
    /// How it is called.
    pub(crate) syntax: &'static str,
    /// What it gives, in one or two sentences.
    pub(crate) description: &'static str,
    /// A statement that uses it.
    pub(crate) example: &'static str,
    /// The table that a call with these arguments gives.
    pub(super) table: MakeTable,
}

impl TableFunction {
    /// The function over the tables of one session.
    pub(super) fn over(self, source: &Arc<Source>) -> Arc<dyn TableFunctionImpl> {
        Arc::new(Bound {
            function: self,
            source: Arc::clone(source),
        })
    }
}

struct Bound {
    function: TableFunction,
    source: Arc<Source>,
}

impl TableFunctionImpl for Bound {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let arguments = Arguments {
            syntax: self.function.syntax,
            values: args.exprs(),
        };
        (self.function.table)(&self.source, arguments)
    }
}

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bound").field(&self.function.name).finish()
    }
}
