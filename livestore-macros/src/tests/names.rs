use crate::names::camel_case;

#[test]
fn camel_case_is_that_of_serde() {
    let cases = [
        ("show_completed", "showCompleted"),
        ("id", "id"),
        ("InProgress", "inProgress"),
        ("a_b_c", "aBC"),
        ("with_2_numbers", "with2Numbers"),
        ("_leading", "leading"),
        ("trailing_", "trailing"),
        ("double__under", "doubleUnder"),
    ];
    for (name, expected) in cases {
        assert_eq!(camel_case(name), expected, "{name}");
    }
}
