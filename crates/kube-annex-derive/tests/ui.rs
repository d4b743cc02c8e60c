//! What compiles, and what is said of what does not. The messages are those of the pinned toolchain.

#[test]
fn resources_compile_or_say_what_is_wrong() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
}
