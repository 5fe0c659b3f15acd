-- How a text is read: what a client hides in comments, quotes and encodings.
-- Each case says what keeps it from leaking: refused, a need, or marked output columns.

-- case: cr-ends-comment
-- expect: statements 2; need write public.orders
-- escaped: \r \n \0 \\ and \u{..} stand for their characters
SELECT 1 --\r; DELETE FROM orders

-- case: ident-dollar
-- expect: statements 3; need write public.orders
SELECT 1 AS a$$; DELETE FROM orders; SELECT 2 AS b$$

-- case: dollar-tag-digit
-- expect: statements 2; need write public.orders
SELECT $a1$ ' $a1$; DELETE FROM orders --'

-- case: estring-continuation
-- expect: need write public.orders or refused
-- escaped: \r \n \0 \\ and \u{..} stand for their characters
SELECT E'a'\n'b\\''; DELETE FROM orders --'

-- case: scs-off-set
-- expect: refused
SET standard_conforming_strings=off

-- case: scs-off-set-config
-- expect: refused
SELECT set_config('standard_conforming_strings', 'off', false)

-- case: scs-off-quoted
-- expect: refused
SET "standard_conforming_strings" TO 'OFF'

-- case: scs-off-mixed-case
-- expect: refused
SET "Standard_Conforming_Strings" = 0

-- case: scs-off-local
-- expect: refused
SET LOCAL standard_conforming_strings = false

-- case: scs-reset
-- expect: refused
RESET standard_conforming_strings

-- case: encoding-sjis
-- expect: refused
SET client_encoding = 'SJIS'

-- case: encoding-names
-- expect: refused
SET NAMES 'EUC_JP'

-- case: encoding-config
-- expect: refused
SELECT set_config('client_encoding', 'SJIS', true)

-- case: nul
-- expect: refused
-- escaped: \r \n \0 \\ and \u{..} stand for their characters
SELECT 1\0; DELETE FROM orders

-- case: nested-comment
-- expect: masked 1
SELECT /* a /* b */ ' */ email FROM customers

-- case: unicode-identifier
-- expect: masked 1
SELECT email FROM U&"c\0075stomers" LIMIT 1

-- case: unicode-column
-- expect: masked 1
SELECT U&"\0065mail" FROM customers

-- case: unicode-escape-character
-- expect: masked 1
SELECT U&"!0065mail" UESCAPE '!' FROM customers

-- case: quoted-identifier
-- expect: masked 1
SELECT "email" FROM "customers"

-- case: upper-case
-- expect: masked 1
SELECT EMAIL FROM CUSTOMERS

-- case: quoted-upper-case
-- expect: refused
SELECT "EMAIL" FROM customers

-- case: no-spaces
-- expect: masked 1
SELECT(email)FROM"customers"

-- case: vertical-tab
-- expect: masked 1
-- escaped: \r \n \0 \\ and \u{..} stand for their characters
SELECT\u{b}email\u{c}FROM customers

-- case: two-statements
-- expect: statements 2; need write public.orders
SELECT 1; DELETE FROM orders

-- case: long-name-is-cut
-- expect: refused
SELECT email FROM customerscustomerscustomerscustomerscustomerscustomerscustomerscustomerscustomerscustomers

-- case: begin-and-write
-- expect: statements 3; need write public.orders
BEGIN; DELETE FROM orders; COMMIT

