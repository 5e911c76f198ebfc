use livestore::schema;

mod a {
    #[livestore::client_document("a")]
    #[derive(Default)]
    pub struct View {
        pub text: String,
    }
}

mod b {
    #[livestore::client_document("b")]
    #[derive(Default)]
    pub struct View {
        pub text: String,
    }
}

#[schema(documents(a::View, b::View))]
pub struct App;

fn main() {}
