//! A world's features as a table, and sets of them, for the engine's world and the agent's.

macro_rules! features {
    ($($name:ident = $chance:literal, $about:literal;)*) => {
        /// A feature of a world. It has acted once what its line says has happened.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        #[repr(u8)]
        pub enum Feature { $(#[doc = $about] $name,)* }

        impl Feature {
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// In how many of 100 worlds it is drawn.
            pub const fn chance(self) -> u8 {
                match self { $(Self::$name => $chance,)* }
            }
        }

        /// A set of features.
        #[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
        pub struct Set(u128);

        impl Set {
            pub const fn has(self, feature: Feature) -> bool {
                self.0 >> feature as u8 & 1 == 1
            }

            pub const fn add(&mut self, feature: Feature) {
                self.0 |= 1 << feature as u8;
            }

            pub const fn remove(&mut self, feature: Feature) {
                self.0 &= !(1 << feature as u8);
            }

            pub fn iter(self) -> impl Iterator<Item = Feature> {
                Feature::ALL.iter().copied().filter(move |feature| self.has(*feature))
            }

            /// From names with commas between them.
            pub fn parse(text: &str) -> Self {
                let mut set = Self::default();
                for name in text.split(',').filter(|name| !name.is_empty()) {
                    let named = Feature::ALL.iter().find(|feature| format!("{feature:?}") == name);
                    set.add(*named.unwrap_or_else(|| panic!("there is no feature {name}")));
                }
                set
            }
        }

        impl std::fmt::Display for Set {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let names: Vec<String> = self.iter().map(|feature| format!("{feature:?}")).collect();
                f.write_str(&names.join(","))
            }
        }
    };
}
