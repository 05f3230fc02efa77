use gateway_core::prelude::*;

struct Config;

fn main() {
    let _ = App::builder().provide_with(Config);
    let _ = App::builder().provide_with(|config: Config| drop(config));
    let _ = App::builder().provide_with(async |_: &Config| 7_u8);
    let _ = App::builder().try_provide_with(|_: &Config| 7_u8);
}
