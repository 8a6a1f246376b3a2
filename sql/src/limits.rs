//! What a text of SQL may cost before it is planned.
//!
//! DataFusion descends into a statement by recursion. The parser itself limits how deep parentheses nest, but builds
//! `a OR b OR c ..` as a tree as deep as the chain is long, which overflows the stack at some ten thousand links.
//! Chains are counted twice: roughly on the tokens, so that the tree of a hostile text is never built, then exactly
//! on the tree.

use std::ops::ControlFlow;

use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::ast::{Expr, Query, Select, SetExpr, Statement, Visit, Visitor};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer, TokenizerError};

use crate::error::{Result, SqlError};

/// The longest text of SQL that is taken, in bytes.
pub const SQL_BYTES_MAX: usize = 1 << 20;

/// The most operators in one flat chain, such as `a OR b OR c`, unions and joins included.
pub const OPERATORS_MAX: usize = 1_000;

/// The most tokens between two commas, brackets or clauses. A chain within the exact limit has far fewer; the tree of
/// one of this length is still built and dropped safely on the planning stack.
const CHAIN_TOKENS_MAX: usize = 20 * OPERATORS_MAX;

/// The most words that combine whole queries.
const COMBINING_WORDS_MAX: usize = 2 * OPERATORS_MAX;

pub(crate) fn check_length(text: &str) -> Result<()> {
    if text.len() > SQL_BYTES_MAX {
        return Err(SqlError::TooLong {
            bytes: text.len(),
            limit: SQL_BYTES_MAX,
        });
    }
    Ok(())
}

pub(crate) fn tokenizer_error(error: TokenizerError) -> SqlError {
    DataFusionError::SQL(Box::new(ParserError::TokenizerError(error.to_string())), None).into()
}

/// Refuses texts whose tree would be too deep to build.
pub(crate) fn check_tokens(text: &str) -> Result<()> {
    check_length(text)?;
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, text)
        .tokenize()
        .map_err(tokenizer_error)?;
    // Tokens of the chain so far, one count per open bracket.
    let mut chains = vec![0_usize];
    let mut combining = 0_usize;
    for token in &tokens {
        match token {
            Token::Whitespace(_) => continue,
            Token::LParen | Token::LBracket | Token::LBrace => chains.push(0),
            Token::RParen | Token::RBracket | Token::RBrace => {
                chains.truncate(chains.len().saturating_sub(1).max(1));
            }
            Token::Comma | Token::SemiColon => {
                if let Some(chain) = chains.last_mut() {
                    *chain = 0;
                }
            }
            Token::Word(word) if word.quote_style.is_none() => match word.value.to_ascii_uppercase().as_str()
            {
                "UNION" | "INTERSECT" | "EXCEPT" | "JOIN" => combining += 1,
                _ => {}
            },
            _ => {}
        }
        if let Some(chain) = chains.last_mut() {
            *chain += 1;
            if *chain > CHAIN_TOKENS_MAX {
                return Err(SqlError::TooManyOperators {
                    what: "one expression",
                    limit: OPERATORS_MAX,
                });
            }
        }
        if combining > COMBINING_WORDS_MAX {
            return Err(SqlError::TooManyOperators {
                what: "unions and joins",
                limit: OPERATORS_MAX,
            });
        }
    }
    Ok(())
}

/// Refuses statements with a chain of more than [`OPERATORS_MAX`] operators.
pub(crate) fn check_statement(statement: &Statement) -> Result<()> {
    match statement.visit(&mut Depth::default()) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(what) => Err(SqlError::TooManyOperators {
            what,
            limit: OPERATORS_MAX,
        }),
    }
}

/// How deep expressions may lie in each other: a chain, and what stands around it. Brackets nest 50 deep at most.
const DEPTH_MAX: usize = OPERATORS_MAX + 200;

/// Measures chains of operators and the depth of expressions.
#[derive(Default)]
struct Depth {
    expressions: usize,
    /// Links of the chain so far, and where its next link must be: the left operand is visited right after its link.
    chain: usize,
    next: Option<*const Expr>,
}

impl Visitor for Depth {
    type Break = &'static str;

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Self::Break> {
        self.expressions += 1;
        if self.next != Some(std::ptr::from_ref(expr)) {
            self.chain = 0;
        }
        self.next = None;
        if let Expr::BinaryOp { left, .. } = expr {
            self.chain += 1;
            self.next = Some(std::ptr::from_ref(&**left));
        }
        if self.chain > OPERATORS_MAX || self.expressions > DEPTH_MAX {
            return ControlFlow::Break("one expression");
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, _expr: &Expr) -> ControlFlow<Self::Break> {
        self.expressions -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        let mut operations = 0;
        let mut body = &*query.body;
        while let SetExpr::SetOperation { left, .. } = body {
            operations += 1;
            body = left;
        }
        if operations > OPERATORS_MAX {
            return ControlFlow::Break("unions");
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Self::Break> {
        let joins: usize = select.from.iter().map(|from| 1 + from.joins.len()).sum();
        if joins > OPERATORS_MAX + 1 {
            return ControlFlow::Break("joins");
        }
        ControlFlow::Continue(())
    }
}
