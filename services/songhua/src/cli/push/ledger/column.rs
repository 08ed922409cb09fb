//! The columns of a ledger and what they are called.
//!
//! Place in the flow: the header row is read with it, faults and templates name columns by it. It must not know: what
//! may stand in a cell.

use serde::{Serialize, Serializer};

use super::text::fold;

macro_rules! columns {
    ($($column:ident = $zh:literal $en:literal $belongs:ident,)*) => {
        /// A column.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(in crate::cli::push) enum Column { $($column,)* }

        impl Column {
            /// Every column, as templates order them.
            pub(in crate::cli::push) const ALL: &[Self] = &[$(Self::$column,)*];

            /// Its Chinese name, which templates write.
            pub(in crate::cli::push) const fn zh(self) -> &'static str {
                match self { $(Self::$column => $zh,)* }
            }

            /// Its English name.
            pub(in crate::cli::push) const fn en(self) -> &'static str {
                match self { $(Self::$column => $en,)* }
            }

            /// Whose rows fill it.
            pub(super) const fn belongs(self) -> Belongs {
                match self { $(Self::$column => Belongs::$belongs,)* }
            }
        }
    };
}

/// Which rows fill a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Belongs {
    /// Rows of figures.
    Figure,
    /// Rows of milestones.
    Milestone,
    /// Both.
    Both,
}

columns! {
    Area = "区域" "area" Figure,
    Indicator = "指标" "indicator" Figure,
    Dimension = "维度" "dimension" Figure,
    Basis = "口径" "basis" Figure,
    Period = "期间" "period" Figure,
    Value = "数值" "value" Figure,
    Unit = "单位" "unit" Figure,
    Numerator = "分子" "numerator" Figure,
    Denominator = "分母" "denominator" Figure,
    ObsStatus = "状态" "obs_status" Figure,
    Project = "项目" "project" Milestone,
    Milestone = "节点" "milestone" Milestone,
    Progress = "进展" "progress" Milestone,
    Date = "日期" "date" Milestone,
    Percent = "完成比例" "percent" Milestone,
    Shortfall = "说明" "shortfall" Milestone,
    SourceRef = "来源" "source_ref" Both,
    Comment = "备注" "comment" Both,
    Reason = "更正原因" "reason" Both,
    Better = "修订原因" "revision" Figure,
}

impl Column {
    /// The column that a header cell names, in either language.
    pub(super) fn named(cell: &str) -> Option<Self> {
        let cell = fold(cell).to_lowercase();
        Self::ALL.iter().copied().find(|column| cell == column.zh() || cell == column.en())
    }
}

impl Serialize for Column {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.en())
    }
}
