//! Keys of JSON objects: the names of the columns, each once.

use std::collections::HashSet;

use quipu::arrow::datatypes::Schema;

/// The name of each column; a name that was there before gets `_2`, `_3`, ... so that no value hides another.
pub(crate) fn unique(schema: &Schema) -> Vec<String> {
    let all: HashSet<&str> = schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    let mut taken = HashSet::new();
    let mut names = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let mut name = field.name().clone();
        let mut copy = 2_usize;
        // A made-up name must not take the name of a column that is still to come.
        while taken.contains(&name) || (copy > 2 && all.contains(name.as_str())) {
            name = format!("{}_{copy}", field.name());
            copy += 1;
        }
        taken.insert(name.clone());
        names.push(name);
    }
    names
}

#[cfg(test)]
mod tests {
    use quipu::arrow::datatypes::{DataType, Field};

    use super::*;

    fn unique_of(names: &[&str]) -> Vec<String> {
        let fields: Vec<Field> = names
            .iter()
            .map(|name| Field::new(*name, DataType::Null, true))
            .collect();
        unique(&Schema::new(fields))
    }

    #[test]
    fn a_repeated_name_is_numbered() {
        assert_eq!(unique_of(&["a", "b", "a", "a"]), ["a", "b", "a_2", "a_3"]);
    }

    #[test]
    fn a_made_up_name_leaves_real_names_alone() {
        assert_eq!(unique_of(&["a", "a", "a_2"]), ["a", "a_3", "a_2"]);
    }
}
