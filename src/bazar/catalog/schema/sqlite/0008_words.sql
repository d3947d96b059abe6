-- The books that an older release has stored, from one id to another: their keys and words are made
-- anew by the catalog, which knows how texts are folded. No row once that is done.
CREATE TABLE unfolded (
    unfolded_id INTEGER PRIMARY KEY CONSTRAINT unfolded_one_row CHECK (unfolded_id = 1),
    first_id INTEGER NOT NULL,
    last_id INTEGER NOT NULL
) STRICT;

INSERT INTO unfolded (unfolded_id, first_id, last_id)
SELECT 1, min(book_id), max(book_id) FROM books
HAVING count(*) > 0;

DROP INDEX books_without_keys;

-- Topics by how those write them who leave out spaces.
CREATE INDEX topics_by_letters ON topics (replace(topic_key, ' ', ''));

-- The terms of the books that are sold, which the catalog makes (`catalog/words.py`): a set for each
-- book, so neither places nor the text itself are kept. What the first letters of a term have is
-- kept too, since a search is for beginnings.
DROP TRIGGER books_text_insert;
DROP TRIGGER books_text_forget;
DROP TRIGGER books_text_update;
DROP TABLE books_text;
DROP VIEW books_words;

CREATE VIRTUAL TABLE books_text USING fts5 (
    terms,
    content = '',
    contentless_delete = 1,
    detail = none,
    tokenize = "ascii tokenchars '_'",
    prefix = '2 3 4 5'
);

-- All longer words that terms were made of: what begins with some letters is looked for word by word,
-- since the index gathers all that begin so before it returns one. Words stay when their books go.
CREATE TABLE books_text_words (
    word TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
