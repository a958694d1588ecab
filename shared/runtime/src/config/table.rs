//! The macro behind the listing of settings: one listing becomes structs, defaults, bounds and reference.
//!
//! Used by `sections` alone.

/// Makes a struct of every section and [`super::Settings`] of all of them.
macro_rules! settings {
    ($(
        #[doc = $about:literal]
        $section:ident: $Section:ident {
            $( #[doc = $meaning:literal] $field:ident: $Type:ty = $default:expr $(, in $bounds:expr)?; )*
        }
    )*) => {
        $(
            #[doc = $about]
            #[derive(Clone, Debug, PartialEq, Eq)]
            pub struct $Section {
                $( #[doc = $meaning] pub $field: $Type, )*
            }

            impl Default for $Section {
                fn default() -> Self {
                    Self { $( $field: $default, )* }
                }
            }
        )*

        /// All settings; a binary uses the sections it needs.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Settings {
            $( #[doc = $about] pub $section: $Section, )*
        }

        impl Settings {
            /// Every setting from what was given, or its default; `given` keeps what is no setting.
            pub(super) fn take(given: &mut super::given::Given) -> Self {
                Self {
                    $( $section: $Section {
                        $( $field: given.take(concat!(stringify!($section), ".", stringify!($field)))
                            .unwrap_or_else(|| $default), )*
                    }, )*
                }
            }

            /// The settings outside their bounds, a sentence each.
            pub(super) fn out_of_bounds(&self) -> Vec<String> {
                let mut faults = Vec::new();
                $($($(
                    faults.extend(super::given::outside(
                        concat!(stringify!($section), ".", stringify!($field)),
                        &self.$section.$field,
                        &$bounds,
                    ));
                )?)*)*
                faults
            }
        }

        /// The reference of all settings, in the order of the sections.
        pub fn reference() -> Vec<super::SettingDoc> {
            let defaults = Settings::default();
            vec![$($(
                super::SettingDoc::new(
                    concat!(stringify!($section), ".", stringify!($field)),
                    super::value::SettingValue::show(&defaults.$section.$field),
                    $meaning,
                ),
            )*)*]
        }
    };
}

pub(super) use settings;
