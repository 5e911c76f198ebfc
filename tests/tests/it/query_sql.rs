//! The SQL that the builder writes: values are bound, identifiers quoted, and what is cut is ordered by its key.

use livestore::*;

#[derive(Clone, Copy, Debug, PartialEq, ColumnValue)]
enum Status {
    Open,
    Done,
}

#[table("todos", index(owner, rank))]
struct Todo {
    #[column(primary_key)]
    id: String,
    text: String,
    status: Status,
    rank: i64,
    weight: f64,
    owner: Option<String>,
    tags: Json<Vec<String>>,
    #[column(iso8601)]
    due: Timestamp,
}

#[table("users")]
struct User {
    #[column(primary_key)]
    id: String,
    name: String,
}

#[table("seats", primary_key(row, number))]
struct Seat {
    row: i64,
    number: i64,
    #[column(default = "free")]
    taken_by: String,
    note: Option<String>,
}

/// The text with its values in place of the marks, in `⟨⟩`: reads well, and shows that every value is bound.
fn shown(sql: &Sql) -> String {
    let mut binds = sql.binds.iter();
    let mut text = String::new();
    for part in sql.text.split_inclusive('?') {
        match part.strip_suffix('?') {
            Some(before) => text.push_str(&format!("{before}⟨{}⟩", value(binds.next().expect("a bind for each mark")))),
            None => text.push_str(part),
        }
    }
    assert_eq!(binds.next(), None, "a mark for each bind");
    text
}

fn value(value: &SqlValue) -> String {
    match value {
        SqlValue::Integer(integer) => integer.to_string(),
        SqlValue::Real(real) => format!("{real:?}"),
        SqlValue::Text(text) => format!("{text:?}"),
        other => format!("{other:?}"),
    }
}

#[track_caller]
fn check(query: impl Select, expected: &str) {
    assert_eq!(shown(&query.to_sql().unwrap()), expected);
}

/// A condition on todos, in its place behind `WHERE`.
#[track_caller]
fn check_filter(condition: impl FnOnce(&TodoColumns) -> Predicate<Todo>, expected: &str) {
    let sql = shown(&Todo::query().select(|t| t.id).filter(condition).to_sql().unwrap());
    let condition = sql.strip_prefix(r#"SELECT "id" FROM "todos" WHERE "#);
    assert_eq!(condition, Some(expected), "{sql}");
}

#[track_caller]
fn check_write(sql: Result<Sql, QueryError>, expected: &str) {
    assert_eq!(shown(&sql.unwrap()), expected);
}

#[test]
fn comparisons() {
    check_filter(|t| t.rank.eq(1), r#"("rank" = ⟨1⟩)"#);
    check_filter(|t| t.rank.ne(1), r#"("rank" <> ⟨1⟩)"#);
    check_filter(|t| t.rank.lt(1), r#"("rank" < ⟨1⟩)"#);
    check_filter(|t| t.rank.le(1), r#"("rank" <= ⟨1⟩)"#);
    check_filter(|t| t.rank.gt(1), r#"("rank" > ⟨1⟩)"#);
    check_filter(|t| t.rank.ge(1), r#"("rank" >= ⟨1⟩)"#);
    check_filter(|t| t.rank.between(1, 3), r#"(("rank" >= ⟨1⟩) AND ("rank" <= ⟨3⟩))"#);
    check_filter(|t| t.text.eq("milk"), r#"("text" = ⟨"milk"⟩)"#);
    check_filter(|t| t.text.eq(String::from("milk")), r#"("text" = ⟨"milk"⟩)"#);
    let text = String::from("milk");
    check_filter(|t| t.text.eq(&text), r#"("text" = ⟨"milk"⟩)"#);
    check_filter(|t| t.status.eq(Status::Done), r#"("status" = ⟨"done"⟩)"#);
    check_filter(|t| t.due.le(Timestamp(0)), r#"("due" <= ⟨"1970-01-01T00:00:00.000Z"⟩)"#);
    check_filter(|t| t.text.eq(t.id), r#"("text" = "id")"#);
}

#[test]
fn null_tests() {
    check_filter(|t| t.owner.is_null(), r#""owner" IS NULL"#);
    check_filter(|t| t.owner.is_not_null(), r#""owner" IS NOT NULL"#);
    check_filter(|t| t.owner.eq(None::<String>), r#""owner" IS NULL"#);
    check_filter(|t| t.owner.ne(None::<String>), r#""owner" IS NOT NULL"#);
    check_filter(|t| t.owner.eq("ann"), r#"("owner" = ⟨"ann"⟩)"#);
    check_filter(|t| t.owner.eq(Some(String::from("ann"))), r#"("owner" = ⟨"ann"⟩)"#);
}

#[test]
fn membership_and_patterns() {
    check_filter(|t| t.rank.is_in([1, 2]), r#""rank" IN (⟨1⟩, ⟨2⟩)"#);
    check_filter(|t| t.rank.not_in([1, 2]), r#"NOT ("rank" IN (⟨1⟩, ⟨2⟩))"#);
    check_filter(|t| t.text.is_in(["a", "b"]), r#""text" IN (⟨"a"⟩, ⟨"b"⟩)"#);
    check_filter(|t| t.rank.is_in(Vec::<i64>::new()), "0 = 1");
    check_filter(|t| t.rank.not_in(Vec::<i64>::new()), "1 = 1");
    check_filter(|t| t.text.like("%milk%"), r#"("text" LIKE ⟨"%milk%"⟩)"#);
    check_filter(|t| t.owner.not_like("a_"), r#"("owner" NOT LIKE ⟨"a_"⟩)"#);
    check_filter(
        |t| t.tags.contains("home"),
        r#"EXISTS (SELECT 1 FROM json_each("todos"."tags") WHERE json_each.value = ⟨"home"⟩)"#,
    );
}

/// `NULL` is a value like any other to who writes `None` into a list.
#[test]
fn membership_of_none() {
    let ann = || Some(String::from("ann"));
    check_filter(|t| t.owner.is_in([None, ann()]), r#"("owner" IN (⟨"ann"⟩) OR "owner" IS NULL)"#);
    check_filter(|t| t.owner.is_in([None::<String>]), r#""owner" IS NULL"#);
    check_filter(|t| t.owner.not_in([ann(), None]), r#"(NOT ("owner" IN (⟨"ann"⟩)) AND "owner" IS NOT NULL)"#);
    check_filter(|t| t.owner.not_in([None::<String>]), r#""owner" IS NOT NULL"#);
}

#[test]
fn conditions_combine() {
    check_filter(
        |t| t.rank.gt(1).and(t.rank.lt(5)).or(t.owner.is_null()),
        r#"((("rank" > ⟨1⟩) AND ("rank" < ⟨5⟩)) OR "owner" IS NULL)"#,
    );
    check_filter(|t| t.rank.eq(1).or(t.rank.eq(2)).not(), r#"NOT ((("rank" = ⟨1⟩) OR ("rank" = ⟨2⟩)))"#);
    check(
        Todo::query().filter(|t| t.rank.eq(1)).filter(|t| t.rank.eq(2).or(t.rank.eq(3))).select(|t| t.id),
        r#"SELECT "id" FROM "todos" WHERE ("rank" = ⟨1⟩) AND (("rank" = ⟨2⟩) OR ("rank" = ⟨3⟩))"#,
    );
}

#[test]
fn whole_rows_orders_and_windows() {
    let all = r#"SELECT "id", "name" FROM "users""#;
    check(User::query(), all);
    check(User::query().order_by(|t| t.name.asc()), &format!(r#"{all} ORDER BY "name" ASC"#));
    check(User::query().order_by(|t| (t.name.desc(), t.id.asc())), &format!(r#"{all} ORDER BY "name" DESC, "id" ASC"#));
    check(User::query().limit(3), &format!(r#"{all} ORDER BY "id" LIMIT ⟨3⟩"#));
    check(User::query().offset(2), &format!(r#"{all} ORDER BY "id" LIMIT -1 OFFSET ⟨2⟩"#));
    check(
        User::query().order_by(|t| t.name.asc()).limit(3).offset(2),
        &format!(r#"{all} ORDER BY "name" ASC, "id" LIMIT ⟨3⟩ OFFSET ⟨2⟩"#),
    );
    check(User::query().first(), &format!(r#"{all} ORDER BY "id" LIMIT ⟨1⟩"#));
    check(User::query().one(), &format!(r#"{all} ORDER BY "id" LIMIT ⟨2⟩"#));
    check(Seat::query().select(|t| t.note).first(), r#"SELECT "note" FROM "seats" ORDER BY "row", "number" LIMIT ⟨1⟩"#);
}

/// Without a key to order by, what is selected is: equal rows are then all the same.
#[test]
fn cut_groups_and_distinct_rows_have_an_order_too() {
    check(
        Todo::query().select(|t| (t.status, t.rank)).distinct().limit(2),
        r#"SELECT DISTINCT "status", "rank" FROM "todos" ORDER BY "status", "rank" LIMIT ⟨2⟩"#,
    );
    check(
        Todo::query()
            .group_by(|t| (t.status, t.owner))
            .select(|t| (t.status, count()))
            .order_by(|t| t.status.desc())
            .first(),
        r#"SELECT "status", count(*) FROM "todos" GROUP BY "status", "owner" ORDER BY "status" DESC, "status", "owner" LIMIT ⟨1⟩"#,
    );
    check(User::query().distinct().limit(1), r#"SELECT DISTINCT "id", "name" FROM "users" ORDER BY "id" LIMIT ⟨1⟩"#);
}

#[test]
fn counts_and_existence() {
    check(Todo::query().count(), r#"SELECT count(*) FROM "todos""#);
    check(
        Todo::query().filter(|t| t.rank.eq(1)).order_by(|t| t.text.asc()).count(),
        r#"SELECT count(*) FROM "todos" WHERE ("rank" = ⟨1⟩)"#,
    );
    check(
        User::query().limit(5).count(),
        r#"SELECT count(*) FROM (SELECT "id", "name" FROM "users" ORDER BY "id" LIMIT ⟨5⟩)"#,
    );
    check(
        User::query().select(|t| t.name).distinct().count(),
        r#"SELECT count(*) FROM (SELECT DISTINCT "name" FROM "users")"#,
    );
    check(
        User::query().select(|t| t.name).filter(|t| t.name.eq("x")).exists(),
        r#"SELECT EXISTS (SELECT "name" FROM "users" WHERE ("name" = ⟨"x"⟩))"#,
    );
}

#[test]
fn aggregates_and_groups() {
    check(Todo::query().aggregate(|t| t.rank.sum()), r#"SELECT sum("rank") FROM "todos""#);
    check(Todo::query().aggregate(|t| t.weight.avg()), r#"SELECT avg("weight") FROM "todos""#);
    check(
        Todo::query().select(|t| (t.rank.min(), t.rank.max(), t.owner.count())),
        r#"SELECT min("rank"), max("rank"), count("owner") FROM "todos""#,
    );
    check(
        Todo::query()
            .group_by(|t| t.status)
            .having(|t| t.rank.sum().gt(Some(5)))
            .having(|_| count().ge(2))
            .select(|t| (t.status, count(), t.rank.sum()))
            .order_by(|t| t.rank.sum().desc()),
        r#"SELECT "status", count(*), sum("rank") FROM "todos" GROUP BY "status" HAVING (sum("rank") > ⟨5⟩) AND (count(*) >= ⟨2⟩) ORDER BY sum("rank") DESC"#,
    );
}

#[test]
fn joins_name_the_table_of_each_column() {
    let joined = || Todo::query().filter(|t| t.rank.gt(0)).join(User::query(), |t, u| t.owner.eq(u.id.nullable()));
    let from = r#"FROM "todos" JOIN "users" ON ("todos"."owner" = "users"."id") WHERE ("todos"."rank" > ⟨0⟩)"#;
    check(
        joined().filter(|_, u| u.name.like("a%")).select(|t, u| (t.text, u.name)).order_by(|_, u| u.name.asc()),
        &format!(
            r#"SELECT "todos"."text", "users"."name" {from} AND ("users"."name" LIKE ⟨"a%"⟩) ORDER BY "users"."name" ASC"#
        ),
    );
    check(
        joined().select(|t, _| t.text).first(),
        &format!(r#"SELECT "todos"."text" {from} ORDER BY "todos"."id", "users"."id" LIMIT ⟨1⟩"#),
    );
    check(
        joined().filter(|t, u| t.text.eq("x").across().or(u.name.eq("x"))).count(),
        &format!(r#"SELECT count(*) {from} AND (("todos"."text" = ⟨"x"⟩) OR ("users"."name" = ⟨"x"⟩))"#),
    );
    check(
        User::query()
            .left_join(Todo::query().order_by(|t| t.rank.asc()), |u, t| t.owner.eq(u.id.nullable()))
            .group_by(|u, _| u.name)
            .having(|_, t| t.id.count().gt(1))
            .select(|u, t| (u.name, t.id.count())),
        r#"SELECT "users"."name", count("todos"."id") FROM "users" LEFT JOIN "todos" ON ("todos"."owner" = "users"."id") GROUP BY "users"."name" HAVING (count("todos"."id") > ⟨1⟩) ORDER BY "todos"."rank" ASC"#,
    );
}

#[track_caller]
fn check_refused(query: impl Select, expected: &str) {
    assert_eq!(query.to_sql().unwrap_err().to_string(), expected);
}

#[test]
fn what_no_sql_expresses_is_named() {
    check_refused(
        Seat::query().join(Seat::query(), |a, b| a.row.eq(b.number)),
        "table `seats` cannot be joined with itself here; use `sql_query`",
    );
    let message = "a query of `users` is cut, grouped or made distinct before it is joined; do so after `join`";
    check_refused(Todo::query().join(User::query().limit(1), |t, u| t.text.eq(u.id)), message);
    check_refused(User::query().limit(1).join(Todo::query(), |u, t| t.text.eq(u.id)), message);
    check_refused(
        Todo::query().filter(|t| t.weight.gt(f64::NAN)),
        "NaN cannot be stored; use an `Option` for a missing number",
    );
    let users = || Todo::query().left_join(User::query(), |t, u| t.text.eq(u.id));
    let message = "column `name` of `users` is missing where a left join finds no row; select it with `.nullable()`, or use `join`";
    check_refused(users().select(|_, u| u.name), message);
    check_refused(users().select(|t, u| (t.id, u.name)).first(), message);
    assert!(users().select(|t, u| (t.id, t.owner, u.name.nullable(), u.name.count(), u.name.max())).to_sql().is_ok());
    let smuggled = Todo::query().filter(|t| t.text.eq(User::COLUMNS.name));
    check_refused(smuggled, "column `name` of table `users` is used in a statement about `todos`");
}

#[test]
fn inserts() {
    let seat = || Seat { row: 1, number: 2, taken_by: "ann".into(), note: None };
    let insert = r#"INSERT INTO "seats" ("row", "number", "taken_by", "note") VALUES (⟨1⟩, ⟨2⟩, ⟨"ann"⟩, ⟨Null⟩)"#;
    check_write(seat().insert().to_sql(), insert);
    check_write(
        Seat::insert_with(|t| (t.row.to(1), t.number.to(2))).to_sql(),
        r#"INSERT INTO "seats" ("row", "number") VALUES (⟨1⟩, ⟨2⟩)"#,
    );
    check_write(
        seat().insert().on_conflict(|t| (t.row, t.number)).ignore().to_sql(),
        &format!(r#"{insert} ON CONFLICT ("row", "number") DO NOTHING"#),
    );
    check_write(
        seat().insert().on_conflict(|t| (t.row, t.number)).replace().to_sql(),
        &insert.replace("INSERT", "INSERT OR REPLACE"),
    );
    check_write(
        seat().insert().on_conflict(|t| (t.row, t.number)).update(|t, new| t.taken_by.to(new.taken_by)).to_sql(),
        &format!(r#"{insert} ON CONFLICT ("row", "number") DO UPDATE SET "taken_by" = excluded."taken_by""#),
    );
}

/// Old and new row are told apart at every depth of an expression.
#[test]
fn an_upsert_reads_the_row_it_names() {
    let todo = User { id: "a".into(), name: "b".into() };
    check_write(
        todo.insert().on_conflict(|t| t.id).update(|t, new| (t.name.to(t.id), t.id.to(new.name))).to_sql(),
        r#"INSERT INTO "users" ("id", "name") VALUES (⟨"a"⟩, ⟨"b"⟩) ON CONFLICT ("id") DO UPDATE SET "name" = "id", "id" = excluded."name""#,
    );
    let seat = Seat { row: 1, number: 2, taken_by: "ann".into(), note: None };
    let sql = seat.insert().on_conflict(|t| (t.row, t.number)).update(|t, new| t.row.to(t.row.add(new.number.add(1))));
    let text = sql.to_sql().unwrap().text;
    assert!(text.ends_with(r#"DO UPDATE SET "row" = ("row" + (excluded."number" + ?))"#), "{text}");
}

#[test]
fn updates_and_deletes() {
    check_write(
        Seat::update().set(|t| t.taken_by, "bob").set(|t| t.note, None::<String>).filter(|t| t.row.eq(1)).to_sql(),
        r#"UPDATE "seats" SET "taken_by" = ⟨"bob"⟩, "note" = ⟨Null⟩ WHERE ("row" = ⟨1⟩)"#,
    );
    check_write(
        Seat::update().set_with(|t| t.number.to(t.number.add(1))).to_sql(),
        r#"UPDATE "seats" SET "number" = ("number" + ⟨1⟩)"#,
    );
    check_write(
        Seat::delete().filter(|t| t.row.eq(1)).filter(|t| t.number.gt(2)).to_sql(),
        r#"DELETE FROM "seats" WHERE ("row" = ⟨1⟩) AND ("number" > ⟨2⟩)"#,
    );
    check_write(Seat::delete().to_sql(), r#"DELETE FROM "seats""#);
}

#[test]
fn incomplete_writes_are_named() {
    let refused = |sql: Result<Sql, QueryError>| sql.unwrap_err().to_string();
    assert_eq!(refused(Seat::update().to_sql()), "the update of `seats` sets no column; call `set`");
    assert_eq!(
        refused(Seat::insert_with(|t| t.row.to(1)).to_sql()),
        "the insert into `seats` must give column `number`, which is part of the primary key"
    );
    assert_eq!(
        refused(User::insert_with(|t| t.id.to("a")).to_sql()),
        "the insert into `users` must give column `name`, which has no default and is not nullable"
    );
    assert_eq!(
        refused(User::insert_with(|t| (t.id.to("a"), t.name.to("b"), t.name.to("c"))).to_sql()),
        "the insert into `users` gives column `name` twice"
    );
}
