//! The gRPC face of progress: who asks, for which plan, when; then one reading, and one answer. The caller has been
//! authenticated before; its [`Principal`] comes with the request.

use std::num::NonZero;
use std::sync::Arc;

use songhua_access::{AccessError, Directory, Permission, Principal};
use songhua_domain::id::PlanId;
use songhua_wire::pb;
use songhua_wire::pb::progress_service_server::ProgressService;
use tokio::sync::{Semaphore, watch};
use tonic::{Request, Response, Status};

use crate::as_of::AsOf;
use crate::filter::{Field, Filter};
use crate::kept::Kept;
use crate::page::{Arguments, Page};
use crate::reader::{PlanReader, ReaderRegistry};
use crate::reading::Reading;
use crate::refusal::{self, Refused};
use crate::watch::{Responses, Watcher};
use crate::{
    agency, as_of, calendar, circle, closeout, indicator, league, matrix, milestone, name, note, overview, period,
    plan, project, revision, staleness, supervision, verification,
};

/// Serves `ProgressService`.
pub struct ProgressServer {
    readers: Arc<ReaderRegistry>,
    directory: Arc<Directory>,
    stop: watch::Receiver<bool>,
    /// Permits of reads that may be made at once.
    at_once: Arc<Semaphore>,
}

/// Reads made at once for each processor: more would take the processors from ingest and the projector, and none of them
/// would be done sooner.
const READS_PER_PROCESSOR: usize = 2;

/// What a method answers.
type Answer<T> = Result<Response<T>, Status>;

impl ProgressServer {
    /// A server for the plans of a node. Watchers are looked up in `directory` again before each response, and leave
    /// when `stop` is true.
    pub fn new(readers: Arc<ReaderRegistry>, directory: Arc<Directory>, stop: watch::Receiver<bool>) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self { readers, directory, stop, at_once: Arc::new(Semaphore::new(processors * READS_PER_PROCESSOR)) }
    }

    /// The plan's reader, if `caller` may read the plan.
    fn reader(&self, caller: &Principal, plan: &PlanId) -> Result<PlanReader, Refused> {
        let allowed = caller.require(Permission::ReadProgress, Some(plan));
        allowed.map_err(|error| refusal::from_access(&error))?;
        tracing::Span::current().record("plan", plan.as_str());
        self.readers.get(plan).ok_or_else(|| refusal::plan_not_found(plan))
    }

    /// Takes a reading for `caller` and makes an answer of it. Reading blocks, so it is done on a thread for that.
    async fn read<T: Send + 'static>(
        &self,
        caller: &Principal,
        plan: PlanId,
        as_of: AsOf,
        answer: impl FnOnce(&Reading) -> Result<T, Refused> + Send + 'static,
    ) -> Result<T, Refused> {
        let reader = self.reader(caller, &plan)?;
        reader.wait_for(as_of.min_position).await?;
        // Never closed. It goes with the read, which does not end when its caller goes away.
        let permit = Arc::clone(&self.at_once).acquire_owned().await;
        let reading = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let reading = Reading::take(&reader, &plan, &as_of)?;
            let answer = answer(&reading)?;
            reading.check()?;
            Ok(answer)
        });
        reading.await.unwrap_or_else(|error| Err(refusal::internal(&format!("a read ended early: {error}"))))
    }

    /// The same for answers that are kept as long as they are those of now.
    async fn read_or_keep<T: Clone + Send + Sync + 'static>(
        &self,
        caller: &Principal,
        plan: PlanId,
        as_of: AsOf,
        pick: impl FnOnce(&Kept) -> Option<Arc<T>>,
        put: impl FnOnce(&mut Kept, Arc<T>),
        answer: impl FnOnce(&Reading) -> Result<T, Refused> + Send + 'static,
    ) -> Result<T, Refused> {
        if !as_of.is_now() {
            return self.read(caller, plan, as_of, answer).await;
        }
        let reader = self.reader(caller, &plan)?;
        reader.wait_for(as_of.min_position).await?;
        if let Some(kept) = reader.answers().get(reader.views(), reader.now(), pick) {
            return Ok(T::clone(&kept));
        }
        let made = self.read(caller, plan, as_of, move |reading| Ok((answer(reading)?, reading.moment()?))).await;
        let (answer, moment) = made?;
        reader.answers().keep(moment, |kept| put(kept, Arc::new(answer.clone())));
        Ok(answer)
    }
}

/// The caller, and what it asks.
fn enter<T>(request: Request<T>) -> Result<(Principal, T), Status> {
    let caller = request.extensions().get::<Principal>().cloned();
    let caller = caller.ok_or_else(|| Status::from(*refusal::from_access(&AccessError::TokenMissing)))?;
    Ok((caller, request.into_inner()))
}

fn finish<T>(answer: Result<T, Refused>) -> Answer<T> {
    answer.map(Response::new).map_err(|refused| Status::from(*refused))
}

/// Which items of a list, and when; a later page is read at the day and position of the first.
fn enter_list(
    arguments: &Arguments<'_>,
    page_size: i32,
    page_token: &str,
    fields: &[Field],
) -> Result<(Filter, Page, AsOf), Refused> {
    let page = Page::read(arguments, page_size, page_token)?;
    let filter = Filter::parse(arguments.filter, fields)?;
    Ok((filter, page, AsOf { pinned: page.pinned, ..AsOf::read(arguments.as_of)? }))
}

#[tonic::async_trait]
impl ProgressService for ProgressServer {
    async fn get_plan(&self, request: Request<pb::GetPlanRequest>) -> Answer<pb::GetPlanResponse> {
        let (caller, request) = enter(request)?;
        let answer = async {
            let plan = name::plan("name", &request.name)?;
            self.read(&caller, plan, AsOf::read(request.as_of.as_ref())?, plan::get).await
        };
        finish(answer.await)
    }

    async fn get_overview(&self, request: Request<pb::GetOverviewRequest>) -> Answer<pb::GetOverviewResponse> {
        let (caller, request) = enter(request)?;
        let answer = async {
            let plan = name::plan("name", &request.name)?;
            let as_of = AsOf::read(request.as_of.as_ref())?;
            let pick = |kept: &Kept| kept.overview.clone();
            self.read_or_keep(&caller, plan, as_of, pick, |kept, answer| kept.overview = Some(answer), overview::get)
                .await
        };
        finish(answer.await)
    }

    async fn list_circles(&self, request: Request<pb::ListCirclesRequest>) -> Answer<pb::ListCirclesResponse> {
        let (caller, pb::ListCirclesRequest { parent, page_size, page_token, filter, as_of }) = enter(request)?;
        let answer = async {
            let plan = name::plan("parent", &parent)?;
            let arguments = Arguments { list: "circles", parent: &parent, filter: &filter, as_of: as_of.as_ref() };
            let (filter, page, as_of) = enter_list(&arguments, page_size, &page_token, circle::FIELDS)?;
            self.read(&caller, plan, as_of, move |reading| circle::list(reading, &filter, &page)).await
        };
        finish(answer.await)
    }

    async fn get_circle(&self, request: Request<pb::GetCircleRequest>) -> Answer<pb::GetCircleResponse> {
        let (caller, request) = enter(request)?;
        let answer = async {
            let (plan, area) = name::area(&request.name)?;
            let as_of = AsOf::read(request.as_of.as_ref())?;
            let (wanted, kept_as) = (area.clone(), area.clone());
            let pick = |kept: &Kept| kept.circles.get(&wanted).cloned();
            let put = |kept: &mut Kept, answer| drop(kept.circles.insert(kept_as, answer));
            self.read_or_keep(&caller, plan, as_of, pick, put, move |reading| circle::get(reading, &area)).await
        };
        finish(answer.await)
    }

    async fn list_indicators(&self, request: Request<pb::ListIndicatorsRequest>) -> Answer<pb::ListIndicatorsResponse> {
        let (caller, pb::ListIndicatorsRequest { parent, page_size, page_token, filter, as_of }) = enter(request)?;
        let answer = async {
            let plan = name::plan("parent", &parent)?;
            let arguments = Arguments { list: "indicators", parent: &parent, filter: &filter, as_of: as_of.as_ref() };
            let (filter, page, as_of) = enter_list(&arguments, page_size, &page_token, indicator::FIELDS)?;
            self.read(&caller, plan, as_of, move |reading| indicator::list(reading, &filter, &page)).await
        };
        finish(answer.await)
    }

    async fn get_indicator(&self, request: Request<pb::GetIndicatorRequest>) -> Answer<pb::GetIndicatorResponse> {
        let (caller, request) = enter(request)?;
        let answer = async {
            let (plan, asked) = indicator::Asked::read(&request)?;
            let as_of = AsOf::read(request.as_of.as_ref())?;
            self.read(&caller, plan, as_of, move |reading| indicator::get(reading, &asked)).await
        };
        finish(answer.await)
    }

    async fn list_projects(&self, request: Request<pb::ListProjectsRequest>) -> Answer<pb::ListProjectsResponse> {
        let (caller, pb::ListProjectsRequest { parent, page_size, page_token, filter, as_of }) = enter(request)?;
        let answer = async {
            let plan = name::plan("parent", &parent)?;
            let arguments = Arguments { list: "projects", parent: &parent, filter: &filter, as_of: as_of.as_ref() };
            let (filter, page, as_of) = enter_list(&arguments, page_size, &page_token, project::FIELDS)?;
            self.read(&caller, plan, as_of, move |reading| project::list(reading, &filter, &page)).await
        };
        finish(answer.await)
    }

    async fn get_project(&self, request: Request<pb::GetProjectRequest>) -> Answer<pb::GetProjectResponse> {
        let (caller, request) = enter(request)?;
        let answer = async {
            let (plan, project) = name::project(&request.name)?;
            let as_of = AsOf::read(request.as_of.as_ref())?;
            self.read(&caller, plan, as_of, move |reading| project::get(reading, &project)).await
        };
        finish(answer.await)
    }

    async fn list_milestones(&self, request: Request<pb::ListMilestonesRequest>) -> Answer<pb::ListMilestonesResponse> {
        let (caller, pb::ListMilestonesRequest { parent, page_size, page_token, filter, as_of }) = enter(request)?;
        let answer = async {
            let (plan, project) = name::plan_or_project("parent", &parent)?;
            let arguments = Arguments { list: "milestones", parent: &parent, filter: &filter, as_of: as_of.as_ref() };
            let (filter, page, as_of) = enter_list(&arguments, page_size, &page_token, milestone::FIELDS)?;
            let list = move |reading: &Reading| milestone::list(reading, project.as_ref(), &filter, &page);
            self.read(&caller, plan, as_of, list).await
        };
        finish(answer.await)
    }

    async fn list_agencies(&self, request: Request<pb::ListAgenciesRequest>) -> Answer<pb::ListAgenciesResponse> {
        let (caller, pb::ListAgenciesRequest { parent, page_size, page_token, filter, as_of, view }) = enter(request)?;
        let answer = async {
            let plan = name::plan("parent", &parent)?;
            let with_account = agency::has_account(view)?;
            let list = if with_account { "agencies" } else { "agencies, BASIC" };
            let arguments = Arguments { list, parent: &parent, filter: &filter, as_of: as_of.as_ref() };
            let (filter, page, as_of) = enter_list(&arguments, page_size, &page_token, agency::FIELDS)?;
            let list = move |reading: &Reading| agency::list(reading, &filter, &page, with_account);
            self.read(&caller, plan, as_of, list).await
        };
        finish(answer.await)
    }

    async fn get_agency(&self, request: Request<pb::GetAgencyRequest>) -> Answer<pb::GetAgencyResponse> {
        let (caller, request) = enter(request)?;
        let answer = async {
            let (plan, agency) = name::agency(&request.name)?;
            let with_account = agency::has_account(request.view)?;
            let as_of = AsOf::read(request.as_of.as_ref())?;
            self.read(&caller, plan, as_of, move |reading| agency::get(reading, &agency, with_account)).await
        };
        finish(answer.await)
    }

    async fn get_matrix(&self, request: Request<pb::GetMatrixRequest>) -> Answer<pb::GetMatrixResponse> {
        let (caller, request) = enter(request)?;
        let answer = async {
            let plan = name::plan("name", &request.name)?;
            let kind = matrix::kind(request.kind)?;
            let as_of = AsOf::read(request.as_of.as_ref())?;
            self.read(&caller, plan, as_of, move |reading| matrix::get(reading, kind)).await
        };
        finish(answer.await)
    }

    async fn get_calendar(&self, request: Request<pb::GetCalendarRequest>) -> Answer<pb::GetCalendarResponse> {
        let (caller, request) = enter(request)?;
        let answer = async {
            let (plan, project) = name::plan_or_project("name", &request.name)?;
            let area = name::optional("area", &request.area)?;
            let as_of = AsOf::read(request.as_of.as_ref())?;
            let get = move |reading: &Reading| calendar::get(reading, project.as_ref(), area.as_ref());
            self.read(&caller, plan, as_of, get).await
        };
        finish(answer.await)
    }

    async fn get_league(&self, request: Request<pb::GetLeagueRequest>) -> Answer<pb::GetLeagueResponse> {
        let (caller, request) = enter(request)?;
        let answer = async {
            let plan = name::plan("name", &request.name)?;
            let asked = league::Asked::read(&request)?;
            let as_of = AsOf::read(request.as_of.as_ref())?;
            self.read(&caller, plan, as_of, move |reading| league::get(reading, &asked)).await
        };
        finish(answer.await)
    }

    async fn list_staleness(&self, request: Request<pb::ListStalenessRequest>) -> Answer<pb::ListStalenessResponse> {
        let (caller, request) = enter(request)?;
        let pb::ListStalenessRequest { parent, page_size, page_token, filter, period_end, as_of } = request;
        let answer = async {
            let plan = name::plan("parent", &parent)?;
            let period_end = as_of::date("period_end", period_end.as_ref())?;
            // No name has an @: a token of one period goes with no other.
            let of = period_end.map_or_else(|| parent.clone(), |end| format!("{parent}@{end}"));
            let arguments = Arguments { list: "staleness", parent: &of, filter: &filter, as_of: as_of.as_ref() };
            let (filter, page, as_of) = enter_list(&arguments, page_size, &page_token, staleness::FIELDS)?;
            let list = move |reading: &Reading| staleness::list(reading, period_end, &filter, &page);
            self.read(&caller, plan, as_of, list).await
        };
        finish(answer.await)
    }

    async fn list_revisions(&self, request: Request<pb::ListRevisionsRequest>) -> Answer<pb::ListRevisionsResponse> {
        let (caller, pb::ListRevisionsRequest { parent, page_size, page_token, filter, as_of }) = enter(request)?;
        let answer = async {
            let plan = name::plan("parent", &parent)?;
            let arguments = Arguments { list: "revisions", parent: &parent, filter: &filter, as_of: as_of.as_ref() };
            let (filter, page, as_of) = enter_list(&arguments, page_size, &page_token, revision::FIELDS)?;
            self.read(&caller, plan, as_of, move |reading| revision::list(reading, &filter, &page)).await
        };
        finish(answer.await)
    }

    async fn list_verifications(
        &self,
        request: Request<pb::ListVerificationsRequest>,
    ) -> Answer<pb::ListVerificationsResponse> {
        let (caller, pb::ListVerificationsRequest { parent, page_size, page_token, filter, as_of }) = enter(request)?;
        let answer = async {
            let plan = name::plan("parent", &parent)?;
            let arguments =
                Arguments { list: "verifications", parent: &parent, filter: &filter, as_of: as_of.as_ref() };
            let (filter, page, as_of) = enter_list(&arguments, page_size, &page_token, verification::FIELDS)?;
            self.read(&caller, plan, as_of, move |reading| verification::list(reading, &filter, &page)).await
        };
        finish(answer.await)
    }

    async fn list_supervisions(
        &self,
        request: Request<pb::ListSupervisionsRequest>,
    ) -> Answer<pb::ListSupervisionsResponse> {
        let (caller, pb::ListSupervisionsRequest { parent, page_size, page_token, filter, as_of }) = enter(request)?;
        let answer = async {
            let plan = name::plan("parent", &parent)?;
            let arguments = Arguments { list: "supervisions", parent: &parent, filter: &filter, as_of: as_of.as_ref() };
            let (filter, page, as_of) = enter_list(&arguments, page_size, &page_token, supervision::FIELDS)?;
            self.read(&caller, plan, as_of, move |reading| supervision::list(reading, &filter, &page)).await
        };
        finish(answer.await)
    }

    async fn list_reporting_periods(
        &self,
        request: Request<pb::ListReportingPeriodsRequest>,
    ) -> Answer<pb::ListReportingPeriodsResponse> {
        let (caller, pb::ListReportingPeriodsRequest { parent, page_size, page_token, filter, as_of }) =
            enter(request)?;
        let answer = async {
            let plan = name::plan("parent", &parent)?;
            let arguments =
                Arguments { list: "reporting-periods", parent: &parent, filter: &filter, as_of: as_of.as_ref() };
            let (filter, page, as_of) = enter_list(&arguments, page_size, &page_token, period::FIELDS)?;
            self.read(&caller, plan, as_of, move |reading| period::list(reading, &filter, &page)).await
        };
        finish(answer.await)
    }

    async fn list_progress_notes(
        &self,
        request: Request<pb::ListProgressNotesRequest>,
    ) -> Answer<pb::ListProgressNotesResponse> {
        let (caller, pb::ListProgressNotesRequest { parent, page_size, page_token, filter, as_of }) = enter(request)?;
        let answer = async {
            let plan = name::plan("parent", &parent)?;
            let arguments =
                Arguments { list: "progress-notes", parent: &parent, filter: &filter, as_of: as_of.as_ref() };
            let (filter, page, as_of) = enter_list(&arguments, page_size, &page_token, note::FIELDS)?;
            self.read(&caller, plan, as_of, move |reading| note::list(reading, &filter, &page)).await
        };
        finish(answer.await)
    }

    async fn get_close_out(&self, request: Request<pb::GetCloseOutRequest>) -> Answer<pb::GetCloseOutResponse> {
        let (caller, request) = enter(request)?;
        let answer = async {
            let plan = name::plan("name", &request.name)?;
            self.read(&caller, plan, AsOf::read(request.as_of.as_ref())?, closeout::get).await
        };
        finish(answer.await)
    }

    type WatchProgressStream = Responses;

    async fn watch_progress(
        &self,
        request: Request<pb::WatchProgressRequest>,
    ) -> Result<Response<Self::WatchProgressStream>, Status> {
        let (caller, request) = enter(request)?;
        let answer = async {
            let plan = name::plan("parent", &request.parent)?;
            let reader = self.reader(&caller, &plan)?;
            let watcher = Watcher { caller, directory: Arc::clone(&self.directory), stop: self.stop.clone() };
            crate::watch::begin(watcher, reader, plan, request).await
        };
        finish(answer.await)
    }
}
