-- What the words of a book begin with: in its head two letters and three, anywhere three. Shorter
-- beginnings most books have. Only the index holds them.
CREATE FUNCTION books_text_beginnings(words tsvector) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS $$
DECLARE
    term text;
    found text[] := '{}';
BEGIN
    FOREACH term IN ARRAY tsvector_to_array(words) LOOP
        CASE left(term, 1)
            WHEN 'a' THEN found := found || left(term, 4);
            WHEN 'h' THEN found := found || ARRAY[left(term, 3), left(term, 4)];
            ELSE NULL;
        END CASE;
    END LOOP;
    RETURN found;
END $$;

-- The index of terms knows of each book, too, in which part of the ids it lies: so the books of some
-- parts that have some terms are found without a look at the others. Who asks has to use these very
-- words. The server looks at the terms alone to see what is common.
CREATE INDEX books_text_terms ON books_text
USING gin (words, (ARRAY[book_id >> 14]), (books_text_beginnings(words)))
WITH (gin_pending_list_limit = 512);
ALTER INDEX books_text_terms ALTER COLUMN 2 SET STATISTICS 0;
ALTER INDEX books_text_terms ALTER COLUMN 3 SET STATISTICS 0;
ALTER INDEX books_text_words RENAME TO books_text_words_of_before;

-- All words of four letters or more that terms were made of: what begins with some letters is
-- looked for word by word, since the index gathers all that begin so before it returns one. Words
-- stay when their books go. Who adds a word waits for nobody else who does, so a word may be there
-- twice.
CREATE TABLE books_text_words (
    word text COLLATE "C" NOT NULL
);

INSERT INTO books_text_words (word)
SELECT DISTINCT substr(term, 2) FROM books_text, unnest(tsvector_to_array(words)) AS term
WHERE left(term, 1) = 'a' AND length(term) > 4;

CREATE INDEX books_text_words_by_word ON books_text_words (word);

-- Each word is looked up by the index, however small the table was when this was planned.
CREATE FUNCTION books_text_words_follow() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off AS $$
BEGIN
    INSERT INTO books_text_words (word)
    SELECT word FROM (
        SELECT DISTINCT substr(term, 2) COLLATE "C" AS word
        FROM written, unnest(tsvector_to_array(words)) AS term
        WHERE left(term, 1) = 'a' AND length(term) > 4
    ) AS one
    WHERE (SELECT 1 FROM books_text_words AS known WHERE known.word = one.word LIMIT 1) IS NULL;
    RETURN NULL;
END $$;

CREATE TRIGGER books_text_words_insert AFTER INSERT ON books_text
REFERENCING NEW TABLE AS written FOR EACH STATEMENT
EXECUTE FUNCTION books_text_words_follow();

CREATE TRIGGER books_text_words_update AFTER UPDATE ON books_text
REFERENCING NEW TABLE AS written FOR EACH STATEMENT
EXECUTE FUNCTION books_text_words_follow();

-- At the end: from here on nobody searches until all this is there.
DROP INDEX books_text_words_of_before;
