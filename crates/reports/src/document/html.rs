//! A document as one HTML page: no script, nothing from elsewhere, made to be printed on A4.

use super::escape::escape;
use super::{Block, Document, Field, Table, chart};

const STYLE: &str = include_str!("style.css");

/// The whole page.
pub(super) fn page(document: &Document) -> String {
    let title = escape(&document.title);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" \
         content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n\
         <h1>{title}</h1>\n"
    );
    fields(&document.about, &mut page);
    page.push_str("</header>\n<main>\n");
    if !document.gaps.is_empty() {
        page.push_str("<section class=\"gaps\">\n<h2>What is missing</h2>\n<ul>\n");
        for gap in &document.gaps {
            page.push_str(&format!("<li>{}</li>\n", escape(gap)));
        }
        page.push_str("</ul>\n</section>\n");
    }
    document.blocks.iter().for_each(|one| block(one, &mut page));
    law(document, &mut page);
    page.push_str("<section class=\"proof\">\n<h2>Proof</h2>\n");
    fields(&document.proof, &mut page);
    page.push_str("</section>\n</main>\n</body>\n</html>\n");
    page
}

fn block(block: &Block, page: &mut String) {
    match block {
        Block::Heading(text) => page.push_str(&format!("<h2>{}</h2>\n", escape(text))),
        Block::Text(text) => page.push_str(&format!("<p>{}</p>\n", escape(text))),
        Block::Fields(named) => fields(named, page),
        Block::Table(rows) => table(rows, page),
        Block::Chart { caption, bars } => page.push_str(&chart::bars(caption, bars)),
        Block::Headline { name, value, meaning } => page.push_str(&format!(
            "<div class=\"headline\"><strong>{}</strong><span>{}</span><small>{}</small></div>\n",
            escape(value),
            escape(name),
            escape(meaning)
        )),
    }
}

fn fields(fields: &[Field], page: &mut String) {
    page.push_str("<dl>\n");
    for field in fields {
        let class = if field.value.is_some() { "" } else { " class=\"missing\"" };
        page.push_str(&format!(
            "<dt>{}{}</dt><dd{class}>{}</dd>\n",
            escape(&field.name),
            mark(field.source.word()),
            escape(field.shown())
        ));
    }
    page.push_str("</dl>\n");
}

fn table(table: &Table, page: &mut String) {
    page.push_str(&format!("<table>\n<caption>{}</caption>\n<thead><tr>", escape(&table.caption)));
    for (name, source) in &table.columns {
        page.push_str(&format!("<th>{}{}</th>", escape(name), mark(source.word())));
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        page.push_str("<tr>");
        for cell in row {
            let is_number = !cell.is_empty() && cell.bytes().all(|byte| byte.is_ascii_digit());
            let class = if is_number { " class=\"number\"" } else { "" };
            page.push_str(&format!("<td{class}>{}</td>", escape(cell)));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table>\n");
}

fn law(document: &Document, page: &mut String) {
    if document.law.is_empty() {
        return;
    }
    page.push_str("<h2>Law</h2>\n<ul class=\"law\">\n");
    for law in &document.law {
        page.push_str(&format!(
            "<li><strong>{}</strong>: {}. {}, applies from {}. {}, looked up on {}.</li>\n",
            escape(&law.title),
            escape(&law.about),
            escape(&law.act),
            escape(&law.applies_from),
            escape(&law.source),
            escape(&law.checked)
        ));
    }
    page.push_str("</ul>\n");
}

fn mark(source: &str) -> String {
    format!("<i class=\"source {source}\" title=\"{source}\">{source}</i>")
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample;
    use super::*;

    #[test]
    fn nothing_that_was_written_is_code() {
        let page = page(&sample());
        assert!(page.contains("Sample &lt;b&gt;"));
        assert!(page.contains("&quot;c&quot; &lt;script&gt;"));
        assert!(!page.contains("<script") && !page.contains("src=") && !page.contains("href="));
        assert_eq!(escape("a\u{202e}b\u{7}"), "a\\u{202e}b\\u{7}");
    }

    #[test]
    fn every_element_is_closed() {
        let page = page(&sample());
        for element in ["html", "body", "main", "header", "table", "ul", "dl", "svg", "section"] {
            let count = |text: &str| page.matches(text).count();
            let opened = count(&format!("<{element}>")) + count(&format!("<{element} "));
            assert_eq!(opened, count(&format!("</{element}>")), "{element}");
            assert!(opened > 0, "{element}");
        }
    }

    #[test]
    fn what_is_missing_shows() {
        let page = page(&sample());
        assert!(page.contains("<dd class=\"missing\">missing</dd>"));
        assert!(page.contains("<li>no | controller</li>"));
    }
}
