//! A TokenChunk as a document.

use super::names::Names;
use super::object::Object;
use crate::json;
use crate::messages::TokenChunkView;

pub(super) fn write(view: &TokenChunkView<'_>, names: Names, out: &mut Vec<u8>) {
    let mut object = Object::open("TokenChunk", view.header.as_ref(), names, out);
    object.text("request_id", view.request_id);
    object.text("text", view.text);
    object.int("chunk_index", view.chunk_index);
    object.flag("is_final", view.is_final);
    object.text_or_null("model", view.model);
    match view.stats {
        None => object.null("stats"),
        Some(stats) => {
            let out = object.key("stats");
            out.extend_from_slice(b"{\"prompt_tokens\":");
            json::write_int(out, stats.prompt_tokens);
            out.extend_from_slice(b",\"completion_tokens\":");
            json::write_int(out, stats.completion_tokens);
            out.extend_from_slice(b",\"total_tokens\":");
            json::write_int(out, stats.total_tokens);
            out.push(b'}');
        }
    }
    object.close();
}
