-- Names that mean something else than they seem to.
-- Each case says what keeps it from leaking: refused, a need, or marked output columns.

-- case: cte-in-sub-select-1
-- expect: masked 2
select (with customers as (select 1) select 1), email from customers limit 1

-- case: cte-in-sub-select-2
-- expect: masked 1
select email from customers where exists (with customers as (select 1) select * from customers)

-- case: cte-in-one-branch
-- expect: masked 1
(with customers as (select 'x' as email) select email from customers) union all select email from customers

-- case: cte-in-from
-- expect: masked 2
select * from (with customers as (select 1) select * from customers) x, (select email from customers) y

-- case: cte-does-not-reach-qualified
-- expect: masked 1
with customers as (select 'x' as email) select email from public.customers

-- case: cte-sees-table-before-itself
-- expect: masked 1
with customers as (select email from customers) select email from customers

-- case: cte-later-is-not-seen
-- expect: masked 1
with a as (select email from customers), customers as (select 'x' as email) select email from a

-- case: cte-is-no-target
-- expect: need write public.orders
with orders as (select 1) delete from orders

-- case: cte-recursive-swap
-- expect: masked 1
with recursive t(a, b) as (select 'x', email from customers union all select b, a from t) select a from t

-- case: cte-recursive-forward
-- expect: masked 1
with recursive a as (select e from b), b as (select email as e from customers) select e from a

-- case: cte-search
-- expect: masked 2
with recursive t(e) as (select email from customers union all select e from t) search breadth first by e set o select 1, o from t

-- case: cte-cycle-path
-- expect: masked 1
with recursive t(e) as (select email from customers union all select e from t) cycle e set c using p select p from t

-- case: second-source
-- expect: masked 1
select c.email from products v, customers c limit 1

-- case: after-function
-- expect: masked 1
select c.email from generate_series(1,1) g, customers c limit 1

-- case: after-sub-select
-- expect: masked 1
select c.email from (select 1) a, customers c limit 1

-- case: only
-- expect: masked 1
select email from only (customers) limit 1

-- case: star-after-only
-- expect: masked 3
select * from customers *

-- case: table-command
-- expect: masked 3
TABLE customers

-- case: shadow-schema
-- expect: refused
select name from clients

-- case: shadow-path
-- expect: masked 1
select name from archive.clients

-- case: temp-schema
-- expect: refused
select email from pg_temp.customers

-- case: other-database
-- expect: refused
select email from x.public.customers

-- case: column-alias
-- expect: masked 2
select a, b from customers as c(a, b)

-- case: column-alias-swap
-- expect: masked 1
select id from customers as c(email, id)

-- case: join-alias
-- expect: masked 1
select j.b from (customers join orders using (id)) as j(a, b)

-- case: join-alias-all
-- expect: masked 2
select * from (customers join orders using (id)) as j(a, b, c)

-- case: using-alias
-- expect: masked 1; need filter
select u.email from customers join contacts using (email) as u

-- case: natural
-- expect: need filter public.customers.email
select id from customers natural join contacts

-- case: outer-name
-- expect: masked 1
select (select email) from customers

-- case: outer-through-clean-sub-select
-- expect: masked 1
select (select x.e from (select email as e) x) from customers

-- case: not-lateral-skips-siblings
-- expect: masked 1
select (select y.email from (select 1 as n) s, (select email) y) from customers

-- case: lateral
-- expect: masked 1
select y.e from customers c cross join lateral (select c.email as e) y

-- case: system-inner-open
-- expect: masked 1
select (select email from pg_class limit 1) from customers

-- case: partition-directly
-- expect: masked 1
select customer_email from events_2024

-- case: child-directly
-- expect: masked 1
select tax_id from employees

-- case: view-renames
-- expect: masked 1
select address from v_nested

-- case: materialized-view
-- expect: masked 2
select * from m_customers

-- case: generated-column
-- expect: masked 1
select iban_upper from accounts

-- case: value-alias
-- expect: masked 1
select v.x from customers c, lateral (values (c.email)) v(x)

-- case: order-alias
-- expect: need filter public.customers.email
select id, email as e from customers order by e

-- case: order-position
-- expect: need filter public.customers.email
select email, id from customers order by 1

-- case: group-position-expression
-- expect: need filter public.customers.email
select left(email, 1), count(*) from customers group by 1

-- case: excluded
-- expect: need reveal public.customers.email
insert into contacts (id, email) select id, email from customers on conflict (id) do update set label = excluded.email returning label

-- case: returning-old
-- expect: masked 1
update customers set email = 'x' returning old.email

-- case: returning-new
-- expect: masked 1
update customers set email = lower(email) returning new.email

-- case: returning-old-row
-- expect: masked 1
delete from customers returning old

-- case: returning-named
-- expect: masked 1
update customers set notes = '' returning with (old as before) before.email

-- case: returning-other
-- expect: masked 1
delete from orders using customers returning customers.email

-- case: merge-returning
-- expect: unproven or masked 1
merge into orders o using customers c on true when matched then delete returning c.email

